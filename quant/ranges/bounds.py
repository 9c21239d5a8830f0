"""From statistics to the bounds of a FakeQuantize (docs/calibration.md).

    m_c := max(m_c, 8e-5, 0.01 * max_c m_c)                                                  (C1)
    low = -m,   high = m,   L = 255                                                          (C2)

    low = 0,                 high = m       if min x >= 0
    low = -m * L / (L - 2),  high = m       otherwise                                        (C3)

    a' = q / (q - H) * b,    b' = (q - H) / q * a                                            (C4)

m is the largest absolute value (of channel c), L the number of levels: (C2) is for weights, (C3) for
symmetric activations. In (C4) a range [a, b] that contains zero gets a new bound, a' or b', that puts zero on
code q exactly; H = L - 1, and q = round(-a * H / (b - a)).

All bounds are float32, of shape (C,) for per-channel quantizers or () for per-tensor ones, in the tensor's
own units.
"""

import numpy as np

from ..defaults import DEAD_CHANNEL_FLOOR, DEAD_CHANNEL_RATIO, LEVELS, NARROW_RANGE, VANISHING

Bounds = tuple[np.ndarray, np.ndarray]


def lift_dead_channels(max_abs: np.ndarray) -> np.ndarray:
    """No channel's range below 1 % of the largest (C1): a dead channel would otherwise get a scale of
    zero.

    Nor below DEAD_CHANNEL_FLOOR, as in POT, unless the largest is: a tensor of small numbers is not dead, and
    would become all zero.
    """
    largest = float(np.max(max_abs))
    floor = 0.0 if VANISHING < largest < DEAD_CHANNEL_FLOOR else DEAD_CHANNEL_FLOOR
    return np.maximum(max_abs, max(floor, DEAD_CHANNEL_RATIO * largest)).astype(np.float32)


def symmetric_weight_range(max_abs: np.ndarray) -> Bounds:
    """[-m, m], with as many codes on each side of zero (C2). max_abs: (C,), the largest |w| of each
    output channel.
    """
    m = lift_dead_channels(max_abs)
    return -m, m


def symmetric_range(
    min_value: np.ndarray, max_abs: np.ndarray, levels: int, *, signed: bool = False
) -> Bounds:
    """Bounds that map real zero to a code exactly (C3).

        no negative value, and not `signed`:   low = 0,                   high = m
        any other tensor:                      low = -m * L / (L - 2),    high = m,    L = levels

    The second puts zero on code L/2, which leaves one code more below zero than above. If L is odd, there are
    as many on either side, and low = -m.
    min_value: (), the smallest value seen in the whole tensor: one decision for all channels.
    max_abs: (C,) or ().
    """
    m = lift_dead_channels(max_abs)
    if np.all(min_value >= 0) and not signed:
        return np.zeros_like(m), m
    below, above = levels // 2, levels - 1 - levels // 2
    return (-m * np.float32(below / above)).astype(np.float32), m


def asymmetric_range(min_value: np.ndarray, max_value: np.ndarray, levels: int = LEVELS) -> Bounds:
    """Bounds that contain zero, moved so that zero falls on a code (C4).

    Of the two ways to move (the low bound or the high one), the wider range wins, so nothing seen is cut off.
    When the code of zero rounds to the first or last one, the bounds stay as they are. min_value, max_value:
    (C,) or (). Narrow ranges are widened, as dead channels are lifted.
    """
    low, high = min_value.astype(np.float64), max_value.astype(np.float64)
    widest = float(np.max(np.maximum(high, 0.0) - np.minimum(low, 0.0)))
    narrow = DEAD_CHANNEL_RATIO * widest if VANISHING < widest < NARROW_RANGE else NARROW_RANGE
    widen = np.where(high - low <= narrow, narrow, 0.0)
    low, high = np.minimum(low - widen, 0.0), np.maximum(high + widen, 0.0)
    last = levels - 1
    zero = np.rint(-low * last / (high - low))
    with np.errstate(divide="ignore", invalid="ignore"):
        moved_low = np.where(zero < last, zero / (zero - last) * high, low)
        moved_high = np.where(zero > 0, (zero - last) / zero * low, high)
    move_low = high - moved_low > moved_high - low
    return np.where(move_low, moved_low, low).astype(np.float32), np.where(move_low, high, moved_high).astype(
        np.float32
    )
