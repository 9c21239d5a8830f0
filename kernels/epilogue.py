"""What happens to an int32 accumulator before it is stored: nothing, back to float32, or on to the next layer's codes."""

from typing import NamedTuple

import numpy as np

from .jit import kernel
from .reference import Array

# Adding and subtracting 1.5 * 2**23 leaves a float32 below 2**22 rounded to an integer, halves to even (eq. 11).
ROUNDER = np.float32(12582912.0)


class Epilogue(NamedTuple):
    """Constants of eq. 8 to 10, one for each of O output channels. `multiplier` and `shift` count only where the output holds codes."""

    scale: Array  # (O,) f32
    bias: Array  # (O,) f32
    low: np.float32
    high: np.float32
    multiplier: Array  # (O,) f32
    shift: Array  # (O,) f32


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


@kernel
def dequantized(acc: int, scale: np.float32, bias: np.float32, low: np.float32, high: np.float32) -> np.float32:
    """One s32 accumulator -> f32 (eq. 8, 9). Written so that a NaN stays NaN."""
    y = np.float32(acc) * scale + bias
    y = low if y < low else y
    return high if y > high else y


@kernel
def store(acc: Array, out: Array, first_row: int, first_column: int, columns: int, epilogue: Epilogue | None) -> None:
    """(M,>=columns) s32 -> rows and columns of out, (.,O) s32, f32 or u8; epilogue None for s32 (eq. 8 to 11)."""
    if epilogue is None:
        for i in range(len(acc)):
            for j in range(columns):
                out[first_row + i, first_column + j] = acc[i, j]
    else:
        span = slice(first_column, first_column + columns)
        scale, bias, multiplier, shift = epilogue.scale[span], epilogue.bias[span], epilogue.multiplier[span], epilogue.shift[span]
        for i in range(len(acc)):
            source, target = acc[i], out[first_row + i, span]
            if out.itemsize == 1:  # known when compiling, so only one of the two loops remains
                for j in range(columns):
                    y = dequantized(source[j], scale[j], bias[j], epilogue.low, epilogue.high) * multiplier[j] + shift[j]
                    y = min(max(y, np.float32(0)), np.float32(255))
                    target[j] = np.uint8(np.int32((y + ROUNDER) - ROUNDER))
            else:
                for j in range(columns):
                    target[j] = dequantized(source[j], scale[j], bias[j], epilogue.low, epilogue.high)
