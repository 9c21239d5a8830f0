"""What lets a branch pass in part: products of two branches, squeeze-and-excite among them, and the hard
sigmoid. (N,P,C) f32.
"""

import numpy as np

from ..codegen.jit import kernel
from ..codegen.work_sharing import WorkQueue, claimed_parts
from ..reference import Array


@kernel
def product_units(a: Array, b: Array, out: Array, queue: WorkQueue, parts: int) -> None:
    """(N,P,C) * (N,P,C), or (N,1,C): a factor for each channel of an image -> out (N,P,C)."""
    images, positions, channels = out.shape
    for image, start, stop in claimed_parts(queue, images, positions, parts):
        for p in range(start, stop):
            x, factor, y = a[image, p], b[image, p if b.shape[1] > 1 else 0], out[image, p]
            for c in range(channels):
                y[c] = x[c] * factor[c]


@kernel
def hard_units(x: Array, is_swish: bool, out: Array, queue: WorkQueue, parts: int) -> None:
    """min(max(x + 3, 0), 6) / 6 (HSigmoid), times x (HSwish); a NaN stays one."""
    images, positions, channels = out.shape
    for image, start, stop in claimed_parts(queue, images, positions, parts):
        for p in range(start, stop):
            for c in range(channels):
                y = x[image, p, c] + np.float32(3)
                y = np.float32(0) if y < 0 else y
                y = np.float32(6) if y > 6 else y
                y /= np.float32(6)
                out[image, p, c] = x[image, p, c] * y if is_swish else y
