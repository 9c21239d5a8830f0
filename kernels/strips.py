"""An image cut into strips: a few lines of output, and a copy of the input they see that has a border, so that no tile meets an edge.

Lines are copied as they are, whatever their channels: a strip costs a copy, not im2col. All sizes here are bytes, so codes and float32
share everything.
"""

from typing import NamedTuple

import numpy as np

from .jit import kernel
from .reference import Array
from .window import Window

STRIP_BYTES = 1 << 17  # of input and output, to stay in the second-level cache
SLACK = 256  # tiles load whole registers and may read, never use, that much behind a strip


class Source(NamedTuple):
    """Where the inputs of output positions lie, in bytes."""

    data: Array  # flat u8
    start: int  # in data, of the window of position 0
    rows: Array  # (positions,) s64: where each window begins, from `start`
    offsets: Array  # (words,) s64: where each word of a window lies in it


class Strips(NamedTuple):
    """How the images of a layer are cut. in_place: a strip is read where it is, because no border and no slack is needed."""

    lines: int  # output lines of a strip
    pixel: int  # bytes
    pitch: int  # bytes of a strip's line
    copy: Array  # flat u8: the strip at work
    border: Array  # (pitch,) u8: a line of border
    rows: Array  # as in Source
    offsets: Array
    in_place: bool


@kernel
def cut(x: Array, pixel: Array, window: Window, words: int, in_place: bool, out: Array) -> Strips:
    """x (N,H,bytes) u8 and out (N,H',W',O) -> Strips. pixel: (bytes,) u8 of the border; words: side by side at each tap."""
    _, lines, width, channels = out.shape
    at_once = _lines_at_once(lines, x.shape[2] * window.strides[0] + width * channels * out.itemsize)
    height, pitch = _strip_size(window, at_once, width, len(pixel))
    border = np.empty(pitch, np.uint8)
    for i in range(pitch):
        border[i] = pixel[i % len(pixel)]
    copy = np.empty(0 if in_place else height * pitch + SLACK, np.uint8)
    rows = _window_starts(window, at_once, width, pitch, len(pixel))
    return Strips(at_once, len(pixel), pitch, copy, border, rows, _word_offsets(window, words, pitch, len(pixel)), in_place)


@kernel
def take(strips: Strips, x: Array, image: int, first: int, window: Window) -> Source:
    """What output lines first .. first+strips.lines of an image see."""
    if strips.in_place:
        return Source(x.reshape(-1), (image * x.shape[1] + first) * strips.pitch, strips.rows, strips.offsets)
    strip = strips.copy[: len(strips.copy) - SLACK].reshape(-1, strips.pitch)
    _fill_strip(x[image], first * window.strides[0] - window.pads_begin[0], window.pads_begin[1] * strips.pixel, strips.border, strip)
    return Source(strips.copy, 0, strips.rows, strips.offsets)


@kernel
def _lines_at_once(lines: int, bytes_of_line: int) -> int:
    """Output lines of a strip: all strips are equal, the last one may overlap the one before."""
    most = min(max(STRIP_BYTES // max(bytes_of_line, 1), 1), lines)
    strips = (lines + most - 1) // most
    return (lines + strips - 1) // strips


@kernel
def _strip_size(window: Window, lines: int, width: int, pixel: int) -> tuple[int, int]:
    """(lines, bytes a line) of the input that lines x width output positions see, the border with it."""
    height = (lines - 1) * window.strides[0] + (window.kernel[0] - 1) * window.dilations[0] + 1
    return height, ((width - 1) * window.strides[1] + (window.kernel[1] - 1) * window.dilations[1] + 1) * pixel


@kernel
def _window_starts(window: Window, lines: int, width: int, pitch: int, pixel: int) -> Array:
    """(lines*width,) s64: where the window of each position begins in a strip with `pitch` bytes a line."""
    starts = np.empty(lines * width, np.int64)
    for line in range(lines):
        for column in range(width):
            starts[line * width + column] = line * window.strides[0] * pitch + column * window.strides[1] * pixel
    return starts


@kernel
def _word_offsets(window: Window, words: int, pitch: int, pixel: int) -> Array:
    """(kh*kw*words,) s64: where each word of a window lies, with `words` side by side at each tap."""
    offsets = np.empty((window.kernel[0], window.kernel[1], words), np.int64)
    for row in range(window.kernel[0]):
        for place in range(window.kernel[1]):
            tap = row * window.dilations[0] * pitch + place * window.dilations[1] * pixel
            for word in range(words):
                offsets[row, place, word] = tap + 4 * word
    return offsets.reshape(-1)


@kernel
def _fill_strip(x: Array, first: int, left: int, border: Array, strip: Array) -> None:
    """x (H, bytes) -> strip (lines, bytes): lines first, first+1, ... of x, `left` bytes to the right; outside of x they hold `border`.

    border: (bytes,) what a line of a strip holds where there is no input.
    """
    width = strip.shape[1]
    begin = min(left, width)
    end = min(left + x.shape[1], width)
    for i in range(len(strip)):
        target, line = strip[i], first + i
        if 0 <= line < len(x):
            target[:begin] = border[:begin]
            target[begin:end] = x[line, : end - begin]
            target[end:] = border[end:]
        else:
            target[:] = border
