"""The smallest and the largest few numbers of each channel: all that a quantile near an end asks for, without sorting."""

import numpy as np

from .jit import kernel
from .reference import Array


@kernel
def _tails(x: Array, low: Array, high: Array, broken: Array) -> None:
    """(N,P,C) f32 -> low (N,count,C), ascending, high (N,count,C), descending; broken (N,C): whether there is a NaN."""
    images, positions, channels = x.shape
    line = np.empty(channels, np.float32)
    for n in range(images):
        for p in range(positions):
            row = x[n, p]
            for c in range(channels):
                broken[n, c] |= row[c] != row[c]
                line[c] = row[c]
            for kept in low[n]:
                for c in range(channels):  # keep the smaller of the two, hand the other on
                    v, k = line[c], kept[c]
                    kept[c], line[c] = min(v, k), max(v, k)
            for c in range(channels):
                line[c] = row[c]
            for kept in high[n]:
                for c in range(channels):
                    v, k = line[c], kept[c]
                    kept[c], line[c] = max(v, k), min(v, k)


def tails(x: Array, count: int) -> tuple[Array, Array]:
    """(N,P,C) f32, P >= count -> (N,count,C) smallest, ascending, and (N,count,C) largest, descending; NaN where a channel holds one."""
    images, _, channels = x.shape
    low, high = np.full((images, count, channels), np.inf, np.float32), np.full((images, count, channels), -np.inf, np.float32)
    broken = np.zeros((images, channels), np.bool_)
    _tails(x, low, high, broken)
    if broken.any():
        low, high = (np.where(broken[:, None], np.float32(np.nan), ends) for ends in (low, high))
    return low, high
