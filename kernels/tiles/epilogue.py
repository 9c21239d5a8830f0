"""What happens to the sums of a tile before they are stored: nothing, back to float32, or on to the next
layer's codes (docs/arithmetic.md).

    y = float32(a) * (s s_w) + b                                                                 (8)
    y := min(max(y, low), high)                                                                  (9)
    m = 255 / (H - L),   t = -L 255 / (H - L),   u = min(max(rint(y m + t), 0), 255)             (10)

    alpha = m_a r,   beta = t_a r + low
    v = min(max(alpha y + beta, low), low + 255 r) + (q_b + f_b)                                 (15)
    u = quantize(v), for the bounds L_c / s_b and H_c / s_b                                      (16)

a is a sum, s s_w its scale, b the bias, u the code of y for a range from L to H. (15) and (16) add a residual
branch of codes q_b before that; ir/lowering/residual_add.py explains r and the rest.
"""

from typing import NamedTuple

import numpy as np

from ..reference import Array


class Epilogue(NamedTuple):
    """Constants of (8) to (10), one for each of O output channels; from `multiplier` > 0 on they count only
    where codes are stored:

    y = clip(sum * scale + bias, low, high),   code = rint(y * multiplier * factor + shift) + offset

    A product that is rounded before the sum is `multiplier`, with a factor of 1; one that is not is `factor`,
    with a multiplier of 1.
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
    """Codes of another branch, that are added to a result y before it becomes codes itself (15), (16):

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
    scale, bias, multiplier, factor, shift = (
        spread(v, channels) for v in (scale, bias, multiplier, factor, shift)
    )
    return Epilogue(
        scale, bias, np.float32(low), np.float32(high), multiplier, factor, shift, np.float32(offset)
    )


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
