"""What statistics want to know of a tensor, in one reading of it: the least and the largest number of each
channel, and the sum.
"""

import numpy as np

from ..codegen.jit import kernel
from ..codegen.work_sharing import WorkQueue, claimed
from ..layers.elementwise import Clip
from ..reference import Array

# positions that are read together, so that what is known of a channel is fetched and put back once for all of
# them
TOGETHER = 4

# Loops of their own, because LLVM makes vectors of loops over few arrays only.


@kernel
def _extend(x: Array, low: Array, high: Array) -> None:
    """TOGETHER positions (P,C) -> the extremes of each channel so far (C,)."""
    a, b, c, d = x[0], x[1], x[2], x[3]
    for i in range(len(a)):
        low[i] = min(d[i], min(c[i], min(b[i], min(a[i], low[i]))))
        high[i] = max(d[i], max(c[i], max(b[i], max(a[i], high[i]))))


@kernel
def _add(x: Array, total: Array) -> None:
    """TOGETHER positions (P,C) -> the sums of each channel so far (C,), one position after the other."""
    a, b, c, d = x[0], x[1], x[2], x[3]
    for i in range(len(a)):
        total[i] = total[i] + np.float64(a[i]) + np.float64(b[i]) + np.float64(c[i]) + np.float64(d[i])


@kernel
def _clip(x: Array, clip: Clip, out: Array) -> None:
    """Flat."""
    for i in range(len(x)):
        out[i] = min(max(x[i], clip.low), clip.high)


@kernel
def _one_position(x: Array, low: Array, high: Array, total: Array) -> None:
    for i in range(len(x)):
        low[i] = min(x[i], low[i])
        high[i] = max(x[i], high[i])
        total[i] += np.float64(x[i])


@kernel
def _min_max_sum(x: Array, low: Array, high: Array, total: Array) -> None:
    """(P,C) f32 of one image -> (C,) each; see `min_max_sum`."""
    positions, whole = len(x), len(x) // TOGETHER * TOGETHER
    low[:], high[:], total[:] = x[0], x[0], 0
    for p in range(0, whole, TOGETHER):
        _extend(x[p : p + TOGETHER], low, high)
        _add(x[p : p + TOGETHER], total)
    for p in range(whole, positions):
        _one_position(x[p], low, high, total)


@kernel
def _min_max_sum_and_clip(x: Array, clip: Clip, out: Array, found: Array, sums: Array) -> None:
    """The same of one image and of out = clip(x), made on the way. found: (8,C) f32, sums: (4,C) f64, as in
    `min_max_sum_and_clip_units`.
    """
    (positions, channels), whole = x.shape, len(x) // TOGETHER * TOGETHER
    flat, made = x.reshape(x.size), out.reshape(out.size)
    _clip(x[0], clip, out[0])
    found[0], found[1], found[4], found[5], sums[1], sums[3] = x[0], x[0], out[0], out[0], 0, 0
    for p in range(0, whole, TOGETHER):
        begin, end = p * channels, (p + TOGETHER) * channels
        _extend(x[p : p + TOGETHER], found[0], found[1])
        _add(x[p : p + TOGETHER], sums[1])
        _clip(flat[begin:end], clip, made[begin:end])
        _add(out[p : p + TOGETHER], sums[3])
    for p in range(whole, positions):
        _clip(x[p], clip, out[p])
        _one_position(x[p], found[0], found[1], sums[1])
        _one_position(out[p], found[4], found[5], sums[3])
    _clip(found[0], clip, found[4])  # clipping keeps the order of numbers
    _clip(found[1], clip, found[5])


@kernel
def _of_images(x: Array, low: Array, high: Array, total: Array) -> None:
    for n in range(len(x)):
        _min_max_sum(x[n], low[n], high[n], total[n])


@kernel
def min_max_sum_units(x: Array, extremes: Array, sums: Array, queue: WorkQueue) -> None:
    """(N,P,C) f32 -> extremes (N,4,C) f32, the least and the largest in front; sums (N,2,C) f64, last: the
    same memory.
    """
    for image in claimed(queue, len(x)):
        _min_max_sum(x[image], extremes[image, 0], extremes[image, 1], sums[image, 1])


@kernel
def min_max_sum_and_clip_units(
    x: Array, clip: Clip, out: Array, extremes: Array, sums: Array, queue: WorkQueue
) -> None:
    """(N,P,C) f32 -> out = clip(x); extremes (N,8,C) f32 and sums (N,4,C) f64, the same memory: as above of
    x, and behind it of out.
    """
    for image in claimed(queue, len(x)):
        _min_max_sum_and_clip(x[image], clip, out[image], extremes[image], sums[image])


def min_max_sum(x: Array) -> tuple[Array, Array, Array]:
    """(N,P,C) f32, P > 0 -> (N,C) f32 least, (N,C) f32 largest, (N,C) f64 sum, added position by position.

    A channel that holds a NaN has the sum NaN; its extremes mean nothing then.
    """
    low, high = (np.empty((len(x), x.shape[2]), np.float32) for _ in range(2))
    total = np.empty(low.shape)
    _of_images(x, low, high, total)
    return low, high, total
