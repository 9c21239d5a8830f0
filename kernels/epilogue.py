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


# ---- what a tile does with it, as LLVM instructions; `t` is a Target, `c` the constants of a register of channels -----------------


def target_columns(v: Vectors, t: SimpleNamespace, vector: int, dtype: Any) -> SimpleNamespace:
    """The constants of a tile's register of channels, one number a lane: of the epilogue, which channels exist, and where they begin.

    Before codes, the activation's bounds and those of the codes become one pair: y*multiplier + shift, rounded or not, keeps order, so
    the clip of eq. 9 may as well come after it.
    """
    offset = vector * v.lanes
    mask, channel = v.lanes_below(v.at(t.valid, -offset)), v.at(t.channel, offset)
    c = SimpleNamespace(offset=offset, mask=mask, channel=channel)
    for name, part in vars(t.epilogue).items() if t.epilogue else ():
        is_array = part.type == I64
        setattr(c, name, v.load_lanes(v.item(part, channel, 4), v.float32, mask) if is_array else v.splat(part))
    if t.epilogue and dtype == types.uint8:
        c.low, c.high = (v.clip(_to_codes(v, bound, c), v.constant(v.float32, 0), v.constant(v.float32, 255)) for bound in (c.low, c.high))
    return c


def store(v: Vectors, t: SimpleNamespace, c: SimpleNamespace, start: Any, total: Any, dtype: Any) -> None:
    """Finish a register of sums and write the channels that exist. start: in t.out, of the position."""
    y = _finish(v, total, c, dtype) if t.epilogue else total
    v.store_lanes(y, v.item(t.out, v.at(start, c.offset), dtype.bitwidth // 8), c.mask)


def _finish(v: Vectors, total: Any, c: SimpleNamespace, dtype: Any) -> Any:
    """A vector of sums -> what is stored: f32, or u8 (eq. 8 to 11). No product is fused into a sum."""
    y = total if total.type == v.float32 else v.builder.fmul(v.builder.sitofp(total, v.float32), c.scale)
    y = v.builder.fadd(y, c.bias)
    if dtype != types.uint8:
        return v.clip(y, c.low, c.high)
    y = v.clip(_to_codes(v, y, c), c.low, c.high)
    rounded = v.builder.bitcast(v.builder.fadd(y, v.constant(v.float32, ROUNDER)), v.int32)
    return v.builder.trunc(rounded, ir.VectorType(I8, v.lanes))


def _to_codes(v: Vectors, y: Any, c: SimpleNamespace) -> Any:
    return v.builder.fadd(v.builder.fmul(y, c.multiplier), c.shift)
