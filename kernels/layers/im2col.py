"""Every window of an image of codes as one line of bytes, for a convolution that is computed as a matrix
product.
"""

from ..codegen.jit import kernel
from ..codegen.work_sharing import WorkQueue, claimed
from ..layout.window import Window, seen_by
from ..reference import Array


@kernel
def im2col_units(x: Array, window: Window, groups: int, border: int, out: Array, queue: WorkQueue) -> None:
    """x (N,H,W,C) u8 -> out (N,H',W',groups*kh*kw*G) u8, G = C / groups: for each group, tap by tap, its
    channels.

    This thread's share of the lines, and the wait for the others. border: the code of real zero, which stands
    in the padding.
    """
    lines, taps = out.shape[0] * out.shape[1], window.kernel[0] * window.kernel[1]
    depth = x.shape[3] // groups
    for unit in claimed(queue, lines):
        image, line = unit // out.shape[1], unit % out.shape[1]
        for column in range(out.shape[2]):
            for tap in range(taps):
                row, place = seen_by(window, line, column, tap)
                is_inside = 0 <= row < x.shape[1] and 0 <= place < x.shape[2]
                for g in range(groups):
                    first = (g * taps + tap) * depth
                    for c in range(depth):
                        code = x[image, row, place, g * depth + c] if is_inside else border
                        out[image, line, column, first + c] = code
