"""What statistics want to know of a tensor, in one reading of it: the least and the largest number of each channel, and the sum."""

import numpy as np

from .jit import kernel
from .reference import Array
from .share import Share, claim, finish, wait

TOGETHER = 4  # positions that are read together, so that what is known of a channel is fetched and put back once for all of them


@kernel
def _sweep(x: Array, low: Array, high: Array, total: Array) -> None:
    """(P,C) f32 of one image -> (C,) each; see `sweep`."""
    positions, channels = x.shape
    for c in range(channels):
        low[c] = high[c] = x[0, c]
        total[c] = 0
    whole = positions // TOGETHER * TOGETHER
    for p in range(0, whole, TOGETHER):
        rows = x[p], x[p + 1], x[p + 2], x[p + 3]
        for c in range(channels):
            v0, v1, v2, v3 = rows[0][c], rows[1][c], rows[2][c], rows[3][c]
            low[c] = min(v3, min(v2, min(v1, min(v0, low[c]))))
            high[c] = max(v3, max(v2, max(v1, max(v0, high[c]))))
            total[c] = total[c] + np.float64(v0) + np.float64(v1) + np.float64(v2) + np.float64(v3)
    for p in range(whole, positions):
        row = x[p]
        for c in range(channels):
            low[c] = min(row[c], low[c])
            high[c] = max(row[c], high[c])
            total[c] += np.float64(row[c])


@kernel
def _sweep_images(x: Array, low: Array, high: Array, total: Array) -> None:
    for n in range(len(x)):
        _sweep(x[n], low[n], high[n], total[n])


@kernel
def sweep_units(x: Array, extremes: Array, sums: Array, share: Share) -> None:
    """(N,P,C) f32 -> extremes (N,4,C) f32, the least and the largest in front; sums (N,2,C) f64, last: the same memory."""
    while True:
        image = claim(share)
        if image >= len(x):
            break
        _sweep(x[image], extremes[image, 0], extremes[image, 1], sums[image, 1])
        finish(share)
    wait(share, len(x))


def sweep(x: Array) -> tuple[Array, Array, Array]:
    """(N,P,C) f32, P > 0 -> (N,C) f32 least, (N,C) f32 largest, (N,C) f64 sum, added position by position.

    A channel that holds a NaN has the sum NaN; its extremes mean nothing then.
    """
    low, high = (np.empty((len(x), x.shape[2]), np.float32) for _ in range(2))
    total = np.empty(low.shape)
    _sweep_images(x, low, high, total)
    return low, high, total
