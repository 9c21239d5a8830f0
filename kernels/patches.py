"""im2col, a block of rows at a time: what consecutive output positions see, written side by side."""

import numpy as np

from .jit import kernel
from .reference import Array
from .window import Window


@kernel
def gather(x: Array, first_channel: int, depth: int, fill: np.generic, window: Window, width: int, start: int, rows: Array) -> None:
    """(H,W,C) -> rows (M, kh*kw*D), D >= depth, same dtype: output positions start, start+1, ... in reading order.

    Channels first_channel .. first_channel+depth of each tap; the border holds `fill`. Lanes depth..D of a tap are left as they are.
    width: output positions in a line.
    """
    kh, kw = window.kernel
    lanes = rows.shape[1] // (kh * kw)
    for i in range(len(rows)):
        top = (start + i) // width * window.strides[0] - window.pads_begin[0]
        left = (start + i) % width * window.strides[1] - window.pads_begin[1]
        for tap in range(kh * kw):
            y = top + tap // kw * window.dilations[0]
            z = left + tap % kw * window.dilations[1]
            target = rows[i, tap * lanes : tap * lanes + depth]
            if 0 <= y < x.shape[0] and 0 <= z < x.shape[1]:
                source = x[y, z, first_channel : first_channel + depth]
                for c in range(depth):
                    target[c] = source[c]
            else:
                target[:] = fill
