"""What happens to the sums of a tile before they are stored: nothing, back to float32, or on to the next layer's codes."""

from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import types

from .reference import Array
from .vectors import I8, I64, Vectors

# Adding 1.5 * 2**23 to a float32 of -128..255 rounds it to an integer, halves to even, and leaves that integer in its last byte (eq. 11).
ROUNDER = 12582912.0


class Epilogue(NamedTuple):
    """Constants of eq. 8 to 10, one for each of O output channels; from `multiplier` > 0 on they count only where codes are stored:

    y = clip(sum * scale + bias, low, high),   code = rint(y * multiplier * factor + shift) + offset

    A product that is rounded before the sum is `multiplier`, with a factor of 1; one that is not is `factor`, with a multiplier of 1.
    """

    scale: Array  # (O,) f32
    bias: Array  # (O,) f32
    low: np.float32
    high: np.float32
    multiplier: Array  # (O,) f32
    factor: Array  # (O,) f32
    shift: Array  # (O,) f32
    offset: np.float32  # 0, or 128 where codes count from -128 until they are stored


class FloatEpilogue(NamedTuple):
    """What follows a sum of float32 products: clip(sum + bias, low, high)."""

    bias: Array  # (O,) f32
    low: np.float32
    high: np.float32


class Residual(NamedTuple):
    """Codes of another branch, that are added to a result y before it becomes codes itself (eq. 15, 16):

    y <- clip(clip(y * multiplier * factor + shift, low, high) + (x - zero), least, most)
    """

    x: Array  # u8, as many as the output has
    zero: np.float32  # 0 or 128
    multiplier: Array  # (O,) f32, and the other two like the Epilogue's
    factor: Array
    shift: Array
    low: np.float32
    high: np.float32
    least: np.float32
    most: np.float32


class FloatResidual(NamedTuple):
    """Another branch that is added to a float result: y <- clip(y + x, least, most)."""

    x: Array  # f32, as many as the output has
    least: np.float32
    most: np.float32


def make_epilogue(
    channels: int,
    scale: float | Array,
    bias: float | Array = 0.0,
    low: float = -np.inf,
    high: float = np.inf,
    multiplier: float | Array = 1.0,
    factor: float | Array = 1.0,
    shift: float | Array = 0.0,
    offset: float = 0.0,
) -> Epilogue:
    """An Epilogue from numbers, or arrays of (channels,); everything is rounded to float32 here, once."""
    scale, bias, multiplier, factor, shift = (spread(v, channels) for v in (scale, bias, multiplier, factor, shift))
    return Epilogue(scale, bias, np.float32(low), np.float32(high), multiplier, factor, shift, np.float32(offset))


def spread(value: float | Array, channels: int) -> Array:
    """(channels,) f32 from a number or one for each channel."""
    return np.broadcast_to(np.asarray(value, np.float32), channels).copy()


class Target(NamedTuple):
    """Where the results of output positions go."""

    out: Array  # flat s32, f32 or u8
    start: int  # in out, of the tile's first channel at position 0
    places: Array  # (positions,) s64: where each one begins, from position 0
    channel: int  # first output channel of the tile
    valid: int  # how many of the channels from there on exist; the others are padding
    epilogue: Epilogue | FloatEpilogue | None
    residual: Residual | FloatResidual | None


# ---- what a tile does with it, as LLVM instructions; `t` is a Target, `c` the constants of a register of channels -----------------


class Types:
    """Element types of a Target: of its output, and of its residual or None."""

    def __init__(self, target: Any) -> None:
        self.out, residual = target.types[0].dtype, target.types[6]
        self.residual = None if residual == types.none else residual.types[0].dtype


def target_columns(v: Vectors, t: SimpleNamespace, vector: int, kinds: Types) -> SimpleNamespace:
    """The constants of a tile's register of channels, one number a lane: of the epilogue, which channels exist, and where they begin.

    Before codes, bounds of activations become bounds of codes: what follows them keeps order, rounded or not, so a clip of eq. 9 may as
    well come after it.
    """
    offset = vector * v.lanes
    mask, channel = v.lanes_below(v.at(t.valid, -offset)), v.at(t.channel, offset)
    c = _constants(v, t.epilogue, channel, mask)
    c.offset_of_register, c.channel, c.mask = offset, channel, mask
    if kinds.residual is not None:
        c.residual = _constants(v, t.residual, channel, mask)
    if t.epilogue and kinds.out == types.uint8:
        low, high = c.low, c.high
        if kinds.residual is not None:
            r = c.residual
            r.low, r.high = v.clip(_affine(v, low, r), r.low, r.high), v.clip(_affine(v, high, r), r.low, r.high)
            low, high = r.least, r.most
        least, most = (v.builder.fsub(v.constant(v.float32, n), c.offset) for n in (0, 255))
        c.first_code, c.last_code = (v.clip(_affine(v, end, c), least, most) for end in (low, high))
        c.rounder = v.builder.fadd(v.constant(v.float32, ROUNDER), c.offset)
    return c


def _constants(v: Vectors, numbers: SimpleNamespace | None, channel: Any, mask: Any) -> SimpleNamespace:
    """Of an epilogue or a residual: arrays from `channel` on, numbers in every lane."""
    constants = SimpleNamespace()
    for name, part in vars(numbers).items() if numbers else ():
        if name != "x":
            is_array = part.type == I64
            setattr(constants, name, v.load_lanes(v.item(part, channel, 4), v.float32, mask) if is_array else v.splat(part))
    return constants


def place_of(v: Vectors, t: SimpleNamespace, position: Any) -> Any:
    """Where the results of a position begin, in elements of t.out."""
    return v.at(t.start, v.load(v.item(t.places, position, 8), I64))


def store(v: Vectors, t: SimpleNamespace, c: SimpleNamespace, start: Any, total: Any, kinds: Types) -> None:
    """Finish a register of sums and write the channels that exist. start: in t.out, of the position."""
    place = v.at(start, c.offset_of_register)
    y = _finish(v, t, c, place, total, kinds) if t.epilogue else total
    v.store_lanes(y, v.item(t.out, place, kinds.out.bitwidth // 8), c.mask)


def _finish(v: Vectors, t: SimpleNamespace, c: SimpleNamespace, place: Any, total: Any, kinds: Types) -> Any:
    """A vector of sums -> what is stored: f32, or u8 (eq. 8 to 11, 15, 16)."""
    y = total if total.type == v.float32 else v.builder.fmul(v.builder.sitofp(total, v.float32), c.scale)
    y = v.builder.fadd(y, c.bias)
    if kinds.out != types.uint8:
        y = v.clip(y, c.low, c.high)
        if kinds.residual is not None:
            y = v.builder.fadd(y, v.load_lanes(v.item(t.residual.x, place, 4), v.float32, c.mask))
            y = v.clip(y, c.residual.least, c.residual.most)
        return y
    if kinds.residual is not None:
        y = v.clip(_affine(v, y, c.residual), c.residual.low, c.residual.high)
        codes = v.load_lanes(v.item(t.residual.x, place, 1), ir.VectorType(I8, v.lanes), c.mask)
        codes = v.builder.sitofp(v.builder.zext(codes, v.int32), v.float32)
        y = v.builder.fadd(y, v.builder.fsub(codes, c.residual.zero))
    y = v.clip(_affine(v, y, c), c.first_code, c.last_code)
    return v.builder.trunc(v.builder.bitcast(v.builder.fadd(y, c.rounder), v.int32), ir.VectorType(I8, v.lanes))


def _affine(v: Vectors, y: Any, c: SimpleNamespace) -> Any:
    """y * multiplier * factor + shift: one product rounded, the other not."""
    return v.fused_multiply_add(c.shift, v.builder.fmul(y, c.multiplier), c.factor)
