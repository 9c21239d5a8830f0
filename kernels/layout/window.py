"""How a window slides over an image: the geometry that convolution and pooling share, and the check of what
they are given.
"""

import functools
from typing import NamedTuple

import numpy as np

from ..codegen.jit import kernel
from ..reference import Array

Pair = tuple[int, int]  # (vertical, horizontal)


class Window(NamedTuple):
    kernel: Pair
    strides: Pair = (1, 1)
    dilations: Pair = (1, 1)
    pads_begin: Pair = (0, 0)
    pads_end: Pair = (0, 0)

    @functools.lru_cache(maxsize=1024)  # noqa: B019, a Window is a value and small
    def output_size(self, height: int, width: int) -> Pair:
        """Positions of the window, vertical and horizontal, that lie wholly inside the padded image."""
        vertical, horizontal = (
            max((size + begin + end - (k - 1) * dilation - 1) // stride + 1, 0)
            for size, k, stride, dilation, begin, end in zip((height, width), *self, strict=True)
        )
        return vertical, horizontal

    @property
    def is_pointwise(self) -> bool:
        """Does every position see just the element in its own place?"""
        return self.kernel == self.strides == (1, 1) and self.pads_begin == self.pads_end == (0, 0)


@kernel
def seen_by(window: Window, line: int, column: int, tap: int) -> tuple[int, int]:
    """Return the (line, column) of the image under a tap, 0..kh*kw, of the window at an output position.

    Outside of the image it is padding.
    """
    row, place = tap // window.kernel[1], tap % window.kernel[1]
    return (
        line * window.strides[0] + row * window.dilations[0] - window.pads_begin[0],
        column * window.strides[1] + place * window.dilations[1] - window.pads_begin[1],
    )


def require(name: str, array: Array, dtypes: tuple[type[np.generic], ...], shape: tuple[int, ...]) -> None:
    """Compiled code does not check its indices, so every array is checked before. Raises ValueError; -1 in
    `shape` fits any size.
    """
    fits = array.ndim == len(shape) and all(
        want in (-1, found) for want, found in zip(shape, array.shape, strict=True)
    )
    if not fits or array.dtype.type not in dtypes or not array.flags.c_contiguous:
        types = " or ".join(np.dtype(d).name for d in dtypes)
        found = f"{array.dtype.name} {array.shape}" + (
            "" if array.flags.c_contiguous else " with gaps or another order of axes"
        )
        raise ValueError(f"{name}: expected a C-contiguous {types} array of shape {shape}, found {found}")


def require_products(K: int, window: Window, depth: int, lanes: int) -> None:
    """Weights packed for sums of K products must be those of this window over `depth` channels, packed in
    `lanes` places a tap.
    """
    kh, kw = window.kernel
    if kh * kw * lanes != K:
        raise ValueError(
            f"weights: packed for {K} products a sum, which is not a {kh}x{kw} kernel over {depth} channels"
        )


def require_kernel(size: Pair, window: Window) -> None:
    """Weights packed one channel at a time must have the window's kernel."""
    if size != window.kernel:
        raise ValueError(
            f"weights: packed for a {size[0]}x{size[1]} kernel, found a "
            f"{window.kernel[0]}x{window.kernel[1]} window"
        )
