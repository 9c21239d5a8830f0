"""The smallest and the largest few numbers of each channel: all that a quantile near an end asks for, without
sorting.
"""

import numpy as np

from ..codegen.jit import kernel
from ..reference import Array


@kernel
def _extreme_values(x: Array, low: Array, high: Array, broken: Array) -> None:
    """(N,P,C) f32 -> low (N,count,C), ascending, high (N,count,C), descending; broken (N,C): whether there is
    a NaN.
    """
    images, positions, channels = x.shape
    line = np.empty(channels, np.float32)
    for n in range(images):
        for p in range(positions):
            row, hits = x[n, p], 0
            for c in range(channels):
                hits += not (low[n, -1, c] <= row[c] <= high[n, -1, c])
            if hits > 0:  # seldom, after a while
                _keep(row, line, low[n], high[n], broken[n])


@kernel
def _keep(row: Array, line: Array, low: Array, high: Array, broken: Array) -> None:
    """Put the numbers of a position (C,) where they belong. line: (C,), to work on."""
    for c in range(len(row)):
        broken[c] |= row[c] != row[c]
        line[c] = row[c]
    for kept in low:
        for c in range(len(row)):  # keep the smaller of the two, hand the other on
            v, k = line[c], kept[c]
            kept[c], line[c] = min(v, k), max(v, k)
    line[:] = row
    for kept in high:
        for c in range(len(row)):
            v, k = line[c], kept[c]
            kept[c], line[c] = max(v, k), min(v, k)


def extreme_values(x: Array, count: int) -> tuple[Array, Array]:
    """(N,P,C) f32, P >= count -> (N,count,C) smallest, ascending, and (N,count,C) largest, descending; NaN
    where a channel holds one.
    """
    images, _, channels = x.shape
    low, high = (
        np.full((images, count, channels), np.inf, np.float32),
        np.full((images, count, channels), -np.inf, np.float32),
    )
    broken = np.zeros((images, channels), np.bool_)
    _extreme_values(x, low, high, broken)
    if broken.any():
        low, high = (np.where(broken[:, None], np.float32(np.nan), ends) for ends in (low, high))
    return low, high
