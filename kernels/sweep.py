"""What statistics want to know of a tensor, in one reading of it: the least and the largest number of each channel, and the sum."""

import numpy as np

from .jit import kernel
from .reference import Array


@kernel
def _sweep(x: Array, low: Array, high: Array, total: Array) -> None:
    images, positions, channels = x.shape
    for n in range(images):
        for c in range(channels):
            low[n, c] = high[n, c] = x[n, 0, c]
        for p in range(positions):
            for c in range(channels):
                v = x[n, p, c]
                low[n, c] = min(v, low[n, c])
                high[n, c] = max(v, high[n, c])
                total[n, c] += np.float64(v)


def sweep(x: Array) -> tuple[Array, Array, Array]:
    """(N,P,C) f32, P > 0 -> (N,C) f32 least, (N,C) f32 largest, (N,C) f64 sum, added position by position.

    A channel that holds a NaN has the sum NaN; its extremes mean nothing then.
    """
    low, high = (np.empty((len(x), x.shape[2]), np.float32) for _ in range(2))
    total = np.zeros(low.shape)
    _sweep(x, low, high, total)
    return low, high, total
