"""Which elements of an image a window sees, and im2col: what consecutive output positions see, side by side."""

import numpy as np

from .jit import kernel
from .reference import Array
from .window import Window


@kernel
def seen_by(window: Window, line: int, column: int, tap: int) -> tuple[int, int]:
    """The (line, column) of the image under a tap, 0..kh*kw, of the window at an output position; outside the image it is padding."""
    row, place = tap // window.kernel[1], tap % window.kernel[1]
    return (
        line * window.strides[0] + row * window.dilations[0] - window.pads_begin[0],
        column * window.strides[1] + place * window.dilations[1] - window.pads_begin[1],
    )


@kernel
def gather(image: Array, first_channel: int, depth: int, fill: np.generic, window: Window, width: int, start: int, rows: Array) -> None:
    """(H,W,C) -> rows (M, kh*kw*D), D >= depth, same dtype: output positions start, start+1, ... in reading order.

    Channels first_channel .. first_channel+depth of each tap; padding holds `fill`. Places depth..D of a tap are left as they are.
    width: output positions in a line.
    """
    taps = window.kernel[0] * window.kernel[1]
    lanes = rows.shape[1] // taps
    for i in range(len(rows)):
        for tap in range(taps):
            line, column = seen_by(window, (start + i) // width, (start + i) % width, tap)
            target = rows[i, tap * lanes : tap * lanes + depth]
            if 0 <= line < image.shape[0] and 0 <= column < image.shape[1]:
                source = image[line, column, first_channel : first_channel + depth]
                for c in range(depth):
                    target[c] = source[c]
            else:
                target[:] = fill
