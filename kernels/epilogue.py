"""What happens to the sums of a tile before they are stored: nothing, back to float32, or on to the next layer's codes."""

from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import types

from .reference import Array
from .vectors import I8, I64, Vectors

# Adding 1.5 * 2**23 to a float32 of 0..255 rounds it to an integer, halves to even, and leaves that integer in its last byte (eq. 11).
ROUNDER = 12582912.0


class Epilogue(NamedTuple):
    """Constants of eq. 8 to 10, one for each of O output channels. `multiplier` > 0 and `shift` count only where codes are stored."""

    scale: Array  # (O,) f32
    bias: Array  # (O,) f32
    low: np.float32
    high: np.float32
    multiplier: Array  # (O,) f32
    shift: Array  # (O,) f32


class FloatEpilogue(NamedTuple):
    """What follows a sum of float32 products: clip(sum + bias, low, high)."""

    bias: Array  # (O,) f32
    low: np.float32
    high: np.float32


class Residual(NamedTuple):
    """Another branch that is added to a result y before it is stored (eq. 14):

    y <- clip(clip(y * scale + shift, low, high) + x, least, most), and y * multiplier + shift of the codes is then rounded once.
    """

    x: Array  # f32 or u8, of the shape of the output
    scale: np.float32
    shift: np.float32
    low: np.float32
    high: np.float32
    least: np.float32
    most: np.float32


def make_epilogue(
    channels: int,
    scale: float | Array,
    bias: float | Array = 0.0,
    low: float = -np.inf,
    high: float = np.inf,
    multiplier: float | Array = 1.0,
    shift: float | Array = 0.0,
) -> Epilogue:
    """An Epilogue from numbers, or arrays of (channels,); everything is rounded to float32 here, once."""

    def spread(value: float | Array) -> Array:
        return np.broadcast_to(np.asarray(value, np.float32), channels).copy()

    return Epilogue(spread(scale), spread(bias), np.float32(low), np.float32(high), spread(multiplier), spread(shift))


class Target(NamedTuple):
    """Where the results of output positions go."""

    out: Array  # (N,H',W',O) s32, f32 or u8
    start: int  # in out, of the tile's first channel at position 0
    pitch: int  # elements from one position to the next, O
    channel: int  # first output channel of the tile
    valid: int  # how many of the channels from there on exist; the others are padding
    epilogue: Epilogue | FloatEpilogue | None
    residual: Residual | None


# ---- what a tile does with it, as LLVM instructions; `t` is a Target, `c` the constants of a register of channels -----------------


class Types:
    """Element types of a Target: of its output, and of its residual or None."""

    def __init__(self, target: Any) -> None:
        self.out, residual = target.types[0].dtype, target.types[6]
        self.residual = None if residual == types.none else residual.types[0].dtype


def target_columns(v: Vectors, t: SimpleNamespace, vector: int, kinds: Types) -> SimpleNamespace:
    """The constants of a tile's register of channels, one number a lane: of the epilogue, which channels exist, and where they begin.

    Before codes, the activation's bounds and those of the codes become one pair: y*multiplier + shift, rounded or not, keeps order, so
    the clip of eq. 9 may as well come after it. Where a residual is added between the two, only the codes' bounds are left for the end.
    """
    offset = vector * v.lanes
    mask, channel = v.lanes_below(v.at(t.valid, -offset)), v.at(t.channel, offset)
    c = SimpleNamespace(offset=offset, mask=mask, channel=channel)
    for name, part in vars(t.epilogue).items() if t.epilogue else ():
        is_array = part.type == I64
        setattr(c, name, v.load_lanes(v.item(part, channel, 4), v.float32, mask) if is_array else v.splat(part))
    if kinds.residual is not None:
        c.residual = SimpleNamespace(**{name: v.splat(part) for name, part in vars(t.residual).items() if name != "x"})
    if t.epilogue and kinds.out == types.uint8:
        ends = [_to_codes(v, bound, c) for bound in (c.low, c.high)] if kinds.residual is None else [v.constant(v.float32, n) for n in (0, 255)]
        c.first_code, c.last_code = (v.clip(end, v.constant(v.float32, 0), v.constant(v.float32, 255)) for end in ends)
    return c


def store(v: Vectors, t: SimpleNamespace, c: SimpleNamespace, start: Any, total: Any, kinds: Types) -> None:
    """Finish a register of sums and write the channels that exist. start: in t.out, of the position."""
    place = v.at(start, c.offset)
    y = _finish(v, t, c, place, total, kinds) if t.epilogue else total
    v.store_lanes(y, v.item(t.out, place, kinds.out.bitwidth // 8), c.mask)


def _finish(v: Vectors, t: SimpleNamespace, c: SimpleNamespace, place: Any, total: Any, kinds: Types) -> Any:
    """A vector of sums -> what is stored: f32, or u8 (eq. 8 to 11, 14). No product is fused into a sum but the last one of eq. 14."""
    y = total if total.type == v.float32 else v.builder.fmul(v.builder.sitofp(total, v.float32), c.scale)
    y = v.builder.fadd(y, c.bias)
    if kinds.residual is not None:
        r = c.residual
        y = v.clip(y, c.low, c.high)
        y = v.clip(v.builder.fadd(v.builder.fmul(y, r.scale), r.shift), r.low, r.high)
        y = v.clip(v.builder.fadd(y, _residual(v, t, c, place, kinds.residual)), r.least, r.most)
    if kinds.out != types.uint8:
        return y if kinds.residual is not None else v.clip(y, c.low, c.high)
    codes = _to_codes(v, y, c) if kinds.residual is None else v.fused_multiply_add(c.shift, y, c.multiplier)
    codes = v.clip(codes, c.first_code, c.last_code)
    rounded = v.builder.bitcast(v.builder.fadd(codes, v.constant(v.float32, ROUNDER)), v.int32)
    return v.builder.trunc(rounded, ir.VectorType(I8, v.lanes))


def _residual(v: Vectors, t: SimpleNamespace, c: SimpleNamespace, place: Any, dtype: Any) -> Any:
    """The other branch at this place, as float32."""
    if dtype == types.float32:
        return v.load_lanes(v.item(t.residual.x, place, 4), v.float32, c.mask)
    codes = v.load_lanes(v.item(t.residual.x, place, 1), ir.VectorType(I8, v.lanes), c.mask)
    return v.builder.sitofp(v.builder.zext(codes, v.int32), v.float32)


def _to_codes(v: Vectors, y: Any, c: SimpleNamespace) -> Any:
    return v.builder.fadd(v.builder.fmul(y, c.multiplier), c.shift)
