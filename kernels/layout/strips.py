"""An image cut into strips: a few lines of output, and a copy of the input they see that has a border, so
that no tile meets an edge.

    image            strip 0: two lines of output, for a kernel of 3 x 3 with stride 1

                     . . . . . . . .  ^ `top` lines of border
    x x x x x x      . x x x x x x .  | `reach` lines, seen by output line 0
    x x x x x x      . x x x x x x .  v
    x x x x x x      . x x x x x x .    output line 1 sees as many, from `step` lines further down
    x x x x x x      |<- pitch -->|     bytes of a line, the first `left` of them border
    x x x x x x
    x x x x x x      strip 1: the next two lines of output, ...

Lines are copied as they are, whatever their channels: a strip costs a copy, not im2col. All sizes here are
bytes, so codes and float32 share everything.
"""

import functools
import threading
from typing import NamedTuple

import numpy as np

from ..codegen.isa import ISA
from ..codegen.jit import kernel
from ..codegen.vectors import copy_bytes
from ..reference import Array
from .weight_packing import aligned, round_up
from .window import Window

STRIP_BYTES = 1 << 18  # of input and output, to stay in the second-level cache
# tiles load whole registers, and whole words of four pixels, and may read, never use, that much more behind a
# strip
SLACK = 256

_thread = threading.local()


class Source(NamedTuple):
    """Where the inputs of output positions lie, in bytes."""

    data: Array  # flat u8
    start: int  # in data, of the window of position 0
    last: int  # position
    rows: Array  # (positions,) s64: where each window begins, from `start`
    offsets: Array  # (words,) s64: where each word of a window lies in it


class Strips(NamedTuple):
    """How the images of a layer are cut; the same for all layers of one geometry."""

    lines: int  # output lines of a strip; the last one of an image may have fewer
    pixel: int  # bytes
    pitch: int  # bytes of a line it sees, with the border
    step: int  # input lines from one output line to the next
    reach: int  # input lines that one output line sees
    top: int  # lines of border above the first
    left: int  # bytes of border before a line; like top, less than none where the windows begin further on
    spare: int  # bytes behind the last line that a tile may read
    # only every so many lines and pixels are in a strip, as no position sees the others
    skip: tuple[int, int]
    rows: Array  # as in Source
    offsets: Array


class Words(NamedTuple):
    """How a window is read: in runs of bytes side by side, each a number of words."""

    runs: int  # the window's taps, its lines, or blocks of its one tap
    of_a_run: int
    size: int = 4  # bytes
    block: int = 0  # bytes from one block to the next


@functools.lru_cache(maxsize=1024)
def cut(
    window: Window,
    size: tuple[int, int],
    pixel: int,
    width_bytes: int,
    words: Words,
    least: int = 1,
    rows: int = ISA.rows,
) -> Strips:
    """size: (H',W') of the output; pixel: bytes of an input pixel; width_bytes: of an output line; least: so
    many strips, if there are as many lines; rows: of a tile.
    """
    lines, width = size
    window, skip = without_gaps(window)
    # what one position spans
    reach, columns = (k * d + 1 - d for k, d in zip(window.kernel, window.dilations, strict=True))
    pitch = round_up((width - 1) * window.strides[1] + columns, window.strides[1]) * pixel
    most = max(STRIP_BYTES // max(pitch * window.strides[0] + width_bytes, 1), 1)
    lines = -(-lines // max(-(-lines // most), min(least, lines)))
    if width == 1:  # a matrix product: whole tiles in every strip but the last
        lines = round_up(lines, rows)
    line, column = np.ogrid[:lines, :width]
    starts = line * window.strides[0] * pitch + column * window.strides[1] * pixel
    row, place, word = np.ogrid[: window.kernel[0], : words.runs // window.kernel[0], : words.of_a_run]
    to_the_right = words.block or window.dilations[1] * pixel
    offsets = row * window.dilations[0] * pitch + place * to_the_right + words.size * word
    tables = starts.astype(np.int64).ravel(), offsets.astype(np.int64).ravel()
    spare = SLACK + rows * window.strides[1] * pixel
    return Strips(
        lines,
        pixel,
        pitch,
        window.strides[0],
        reach,
        window.pads_begin[0],
        window.pads_begin[1] * pixel,
        spare,
        skip,
        *tables,
    )


def without_gaps(window: Window) -> tuple[Window, tuple[int, int]]:
    """A window that sees every so many pixels, and each one once, slides by one over those: its strips have
    only them.
    """
    if window.kernel == (1, 1) and window.pads_begin == window.pads_end == (0, 0):
        return window._replace(strides=(1, 1)), window.strides
    return window, (1, 1)


def scratch_size(strips: Strips) -> int:
    """Bytes of memory for a strip and a line of border."""
    return (
        ((strips.lines - 1) * strips.step + strips.reach + 1) * strips.pitch + 4 * strips.pixel + strips.spare
    )


def scratch(strips: Strips) -> Array:
    """This thread's flat u8 memory for a strip, aligned and kept from layer to layer, so that its pages
    exist.
    """
    size = scratch_size(strips)
    if getattr(_thread, "memory", np.empty(0)).size < size:
        _thread.memory = aligned(size, np.uint8)
    return _thread.memory


@kernel
def take(
    strips: Strips, x: Array, image: int, first: int, lines: int, in_place: bool, memory: Array
) -> Source:
    """What output lines first .. first+lines of an image (H,bytes) see: where it is, if no border is needed,
    or as a copy.
    """
    last = len(strips.rows) // strips.lines * lines - 1
    if in_place:
        return Source(
            x.reshape(-1), (image * x.shape[1] + first) * strips.pitch, last, strips.rows, strips.offsets
        )
    if strips.skip == (1, 1):
        _fill_strip(
            x[image],
            first * strips.step - strips.top,
            (lines - 1) * strips.step + strips.reach,
            strips,
            memory,
        )
    else:
        _fill_with_some(x[image], first, lines, strips, memory)
    return Source(memory, strips.pitch, last, strips.rows, strips.offsets)


@kernel
def _fill_strip(x: Array, first: int, height: int, strips: Strips, memory: Array) -> None:
    """Copies `height` lines from `first` on of x (H,bytes) behind the line of border in the memory; what is
    not in x is border.
    """
    begin = min(max(strips.left, 0), strips.pitch)
    end = max(min(strips.left + x.shape[1], strips.pitch), begin)
    # no border: one copy for all lines
    if strips.left == 0 and strips.pitch == x.shape[1] and first >= 0 and first + height <= len(x):
        copy_bytes(memory, strips.pitch, x, first * strips.pitch, height * strips.pitch)
        return
    for i in range(height):
        target, line = (i + 1) * strips.pitch, first + i
        if 0 <= line < len(x):
            copy_bytes(memory, target, memory, 0, begin)
            copy_bytes(memory, target + begin, x, line * x.shape[1] + begin - strips.left, end - begin)
            copy_bytes(memory, target + end, memory, end, strips.pitch - end)
        else:
            copy_bytes(memory, target, memory, 0, strips.pitch)


@kernel
def _fill_with_some(x: Array, first: int, lines: int, strips: Strips, memory: Array) -> None:
    """As _fill_strip, for strips that skip lines and pixels; they have no border."""
    down, right = strips.skip
    for i in range(lines):
        for j in range(strips.pitch // strips.pixel):
            copy_bytes(
                memory,
                (i + 1) * strips.pitch + j * strips.pixel,
                x[(first + i) * down],
                j * right * strips.pixel,
                strips.pixel,
            )
