"""Where the results of a layer's positions lie in its output: side by side as a rule, or some apart, with
those of other layers between.
"""

import functools
from typing import NamedTuple

import numpy as np

from ..reference import Array
from .window import Pair


class OutputGrid(NamedTuple):
    """Output positions as part of an image, (vertical, horizontal)."""

    whole: Pair  # H, W of the image
    first: Pair = (0, 0)
    step: Pair = (1, 1)  # from one position to the next


class OutputLayout(NamedTuple):
    """Elements from one to the next, in an output (N,H,W,O)."""

    first: int  # from an image to its first position
    line: int  # from a line of positions to the next
    image: int  # from an image to the next, H*W*O
    places: Array  # (positions of a strip,) s64: where each one begins, from the strip's first


@functools.lru_cache(maxsize=1024)
def make_output_layout(output_grid: OutputGrid, lines: int, width: int, channels: int) -> OutputLayout:
    """lines: of a strip; width: positions of a line; channels: O."""
    (height, whole_width), first, step = output_grid
    line = step[0] * whole_width * channels
    row, column = np.ogrid[:lines, :width]
    places = (row * line + column * step[1] * channels).astype(np.int64).ravel()
    return OutputLayout(
        (first[0] * whole_width + first[1]) * channels, line, height * whole_width * channels, places
    )
