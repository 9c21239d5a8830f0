"""What happens to the sums of a tile before they are stored: nothing, back to float32, or on to the next layer's codes."""

from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import types

from .reference import Array
from .vectors import F32, I8, I64, Vectors

# Adding 1.5 * 2**23 to a float32 of 0..255 rounds it to an integer, halves to even, and leaves that integer in its last byte (eq. 11).
ROUNDER = 12582912.0


class Epilogue(NamedTuple):
    """Constants of eq. 8 to 10, one for each of O output channels. `multiplier` and `shift` count only where the output holds codes."""

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


def load_constants(v: Vectors, epilogue: SimpleNamespace | None, channel: Any, mask: Any) -> SimpleNamespace | None:
    """The constants of `lanes` output channels from `channel` on, as vectors; arrays come as addresses, numbers as they are."""
    if epilogue is None:
        return None
    offset = v.builder.mul(channel, I64(4))
    return SimpleNamespace(
        **{
            name: v.load_lanes(v.at(part, offset), v.float32, mask) if part.type == I64 else v.splat(part)
            for name, part in vars(epilogue).items()
        }
    )


def finish(v: Vectors, total: Any, constants: SimpleNamespace | None, dtype: types.Type) -> Any:
    """A vector of sums -> what is stored: s32 without an epilogue, f32, or u8 (eq. 8 to 11). No product is fused into a sum."""
    b = v.builder
    if constants is None:
        return total
    y = total if total.type.element == F32 else b.fmul(b.sitofp(total, v.float32), constants.scale)
    y = v.clip(b.fadd(y, constants.bias), constants.low, constants.high)
    if dtype != types.uint8:
        return y
    y = b.fadd(b.fmul(y, constants.multiplier), constants.shift)
    y = v.clip(y, v.constant(v.float32, 0.0), v.constant(v.float32, 255.0))
    rounded = b.bitcast(b.fadd(y, v.constant(v.float32, ROUNDER)), v.int32)
    return b.trunc(rounded, ir.VectorType(I8, v.lanes))
