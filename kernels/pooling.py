"""Pooling on NHWC arrays. The largest code is the code of the largest value, so max pooling runs on codes as it does on floats."""

import numpy as np

from .jit import kernel
from .patches import seen_by
from .reference import Array
from .share import Share, alone, claim, finish, wait
from .window import Window, require


def max_pool(x: Array, out: Array, *, window: Window) -> None:
    """(N,H,W,C) u8 or f32 -> out (N,H',W',C), same dtype: the largest element of each window; padding takes no part.

    H', W' are those of `out`: rounded up they let the last window hang over the edge. Raises ValueError for arrays that do not fit.
    """
    require("x", x, (np.uint8, np.float32), (-1, -1, -1, -1))
    require("out", out, (x.dtype.type,), (len(x), -1, -1, x.shape[3]))
    max_pool_units(x, window, out, alone())


def average_pool(x: Array, out: Array, *, window: Window, exclude_pad: bool) -> None:
    """(N,H,W,C) f32 -> out (N,H',W',C) f32: the mean of each window, summed in reading order.

    exclude_pad: padding counts in neither sum nor divisor; else it counts as zeros. What hangs over the padded edge never counts.
    H', W' are those of `out`. Raises ValueError for arrays that do not fit.
    """
    require("x", x, (np.float32,), (-1, -1, -1, -1))
    require("out", out, (np.float32,), (len(x), -1, -1, x.shape[3]))
    average_pool_units(x, window, exclude_pad, True, out, alone())


@kernel
def max_pool_units(x: Array, window: Window, out: Array, share: Share) -> None:
    """This thread's share of the lines, and the wait for the others."""
    lines = out.shape[0] * out.shape[1]
    while True:
        unit = claim(share)
        if unit >= lines:
            break
        _max_line(x[unit // out.shape[1]], window, unit % out.shape[1], out[unit // out.shape[1], unit % out.shape[1]])
        finish(share)
    wait(share, lines)


@kernel
def _max_line(x: Array, window: Window, line: int, out: Array) -> None:
    """x (H,W,C) -> one line (W',C)"""
    lowest = 0 if x.itemsize == 1 else -np.inf
    top = line * window.strides[0] - window.pads_begin[0]
    for column in range(out.shape[0]):
        left = column * window.strides[1] - window.pads_begin[1]
        out[column] = lowest
        for row in range(top, top + window.kernel[0] * window.dilations[0], window.dilations[0]):
            if 0 <= row < x.shape[0]:
                for place in range(left, left + window.kernel[1] * window.dilations[1], window.dilations[1]):
                    if 0 <= place < x.shape[1]:
                        for c in range(x.shape[2]):
                            out[column, c] = out[column, c] if out[column, c] >= x[row, place, c] else x[row, place, c]


@kernel
def average_pool_units(x: Array, window: Window, exclude_pad: bool, divide: bool, out: Array, share: Share) -> None:
    """This thread's share of the lines, and the wait for the others; the sums themselves without `divide`."""
    lines = out.shape[0] * out.shape[1]
    while True:
        unit = claim(share)
        if unit >= lines:
            break
        image, line = unit // out.shape[1], unit % out.shape[1]
        _mean_line(x[image], window, exclude_pad, divide, line, out[image, line])
        finish(share)
    wait(share, lines)


@kernel
def _mean_line(x: Array, window: Window, exclude_pad: bool, divide: bool, line: int, out: Array) -> None:
    """x (H,W,C) -> one line (W',C)"""
    bottom, right = x.shape[0] + window.pads_end[0], x.shape[1] + window.pads_end[1]
    for column in range(out.shape[0]):
        target, divisor = out[column], 0
        target[:] = 0
        for tap in range(window.kernel[0] * window.kernel[1]):
            row, place = seen_by(window, line, column, tap)
            if 0 <= row < x.shape[0] and 0 <= place < x.shape[1]:
                divisor += 1
                source = x[row, place]
                for c in range(len(target)):
                    target[c] += source[c]
            elif not exclude_pad and row < bottom and place < right:
                divisor += 1
        if divide:
            for c in range(len(target)):
                target[c] /= np.float32(divisor)
