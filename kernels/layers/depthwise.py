"""Depthwise convolution on NHWC arrays, int8 and float32: the same strips, and tiles of the same shape.

A single product fits 16 bits, so depthwise convolution never saturates and has one arithmetic.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import literally

from ..codegen.isa import ISA
from ..codegen.jit import kernel
from ..codegen.vectors import copy_bytes
from ..codegen.work_sharing import WorkQueue, claimed
from ..layout.output_layout import OutputGrid, OutputLayout, make_output_layout
from ..layout.strips import Source, Strips, Words, cut, take
from ..layout.weight_packing import aligned, round_up
from ..layout.window import Window
from ..reference import Array
from ..tiles.depthwise_tile import ChannelBlock, channel_order, depthwise_tiles
from ..tiles.epilogue import Epilogue, FloatEpilogue, Target

LANES = ISA.lanes
HALF, QUARTER = max(LANES // 2, 4), max(LANES // 4, 4)


class PackedDepthwise(NamedTuple):
    """Weights of a depthwise convolution, s8 or f32, in blocks of 4 registers of channels; the last blocks
    may have smaller registers.
    """

    # flat s8 or f32; a block lies as (words, 4, lanes, elements of a word), a word being four taps of s8 or
    # one of f32
    values: Array
    words: int
    sums: Array  # (C,) s32: what a zero point multiplies
    kernel: tuple[int, int]
    # positions of a line that share words: then a word is four pixels of a line, once for each position
    together: int


@kernel
def block_lanes(channels: int) -> int:
    """Lanes of the registers of the next block, when `channels` are left: the most that are not
    half empty.
    """
    lanes = LANES
    while lanes > 4 and channels <= 2 * lanes:
        lanes //= 2
    return lanes


def positions_together(window: Window, width: int) -> int:
    """How many positions of a line, of `width`, share the pixels that they see; s8 only."""
    # so that the pixels of all are one word, or for kernels up to 5 wide two
    together = 2 if window.kernel[1] <= 3 else 4
    is_dense = window.strides[1] == window.dilations[1] == 1 and window.kernel[1] > 1
    return together if is_dense and width >= together else 1


def pack_depthwise(w: Array, together: int = 1) -> PackedDepthwise:
    """(C,1,kh,kw) s8 or f32 -> PackedDepthwise. together: as positions_together says, for s8."""
    channels, _, *kernel_size = w.shape
    word = 4 // w.itemsize
    taps = w.reshape(channels, -1) if together == 1 else _shifted(w[:, 0], together)
    words = -(-taps.shape[1] // word)
    padded = np.zeros((channels + 4 * LANES, words * word), w.dtype)
    padded[:channels, : taps.shape[1]] = taps
    blocks, first = [np.empty(0, w.dtype)], 0
    while first < channels:
        lanes = block_lanes(channels - first)
        order = channel_order(lanes) if w.dtype == np.int8 else np.arange(4 * lanes).reshape(4, lanes)
        block = padded[first + order].reshape(4, lanes, words, word)
        blocks.append(block.transpose(2, 0, 1, 3).ravel())
        first += 4 * lanes
    values = np.concatenate(blocks)
    packed = aligned(values.shape, w.dtype)
    packed[:] = values
    sums = w.reshape(channels, -1).sum(axis=1, dtype=np.int32)
    return PackedDepthwise(packed, words // together, sums, (kernel_size[0], kernel_size[1]), together)


def _shifted(w: Array, together: int) -> Array:
    """(C,kh,kw) -> (C, kh * words of a line * together * 4): for each word of a line its weights at every
    position.
    """
    channels, kh, kw = w.shape
    pixels = round_up(kw + together - 1, 4)
    lines = np.zeros((channels, kh, together, pixels), w.dtype)
    for position in range(together):
        lines[:, :, position, position : position + kw] = w
    return lines.reshape(channels, kh, together, pixels // 4, 4).swapaxes(2, 3).reshape(channels, -1)


class Depthwise(NamedTuple):
    """A depthwise convolution as the kernel wants it, whatever the images."""

    strips: Strips
    weights: PackedDepthwise
    initial: Array  # (C,) s32: what sums of integers begin with
    pixel: Array  # flat u8: the bytes of a pixel of the border
    offsets: Array  # (taps,) s64: as in Source, filled up to whole words
    output_layout: OutputLayout


def make_depthwise(
    weights: PackedDepthwise,
    initial: Array,
    pixel: Array,
    window: Window,
    size: tuple[int, int],
    out_bytes: int,
    strips: int = 1,
    output_grid: OutputGrid | None = None,
) -> Depthwise:
    """initial: (C,) s32; pixel: (C,), of the border; size: (H',W') of the output; strips: at least so many,
    if it has as many lines; output_grid: of the positions in the output, where they are not all there is.
    """
    border = pixel.view(np.uint8)
    cuts = cut(
        window,
        size,
        len(border),
        size[1] * len(pixel) * out_bytes,
        Words(math.prod(window.kernel), 1),
        strips,
    )
    # past the last tap weights are zero: read any byte
    offsets = np.zeros(weights.words * 4 // weights.values.itemsize, np.int64)
    if weights.together == 1:
        offsets[: len(cuts.offsets)] = cuts.offsets
    else:
        row, pixel = np.ogrid[: window.kernel[0], : len(offsets) // window.kernel[0]]
        offsets[:] = (row * window.dilations[0] * cuts.pitch + pixel * len(border)).ravel()
    output_layout = make_output_layout(output_grid or OutputGrid(size), cuts.lines, size[1], len(initial))
    return Depthwise(cuts, weights, initial, border, offsets, output_layout)


@kernel
def depthwise_units(
    layer: Depthwise,
    x: Array,
    out: Array,
    size: tuple[int, int, int],
    epilogue: Epilogue | FloatEpilogue | None,
    memory: Array,
    queue: WorkQueue,
) -> None:
    """This thread's share of the strips, and the wait for the others.

    x: (N,H,bytes) u8; out: flat; size: (N,H',W') of the positions; memory: strips.scratch_size bytes.
    """
    images, lines, width = size
    strips, output_layout = layer.strips, layer.output_layout
    cuts = -(-lines // strips.lines)
    has_border = False
    for unit in claimed(queue, images * cuts):
        if not has_border:  # only now: the memory belongs to those who have a unit
            for begin in range(0, strips.pitch, strips.pixel):
                copy_bytes(memory, begin, layer.pixel, 0, strips.pixel)  # the line of border
            has_border = True
        image, first = unit // cuts, unit % cuts * strips.lines
        seen = take(strips, x, image, first, min(strips.lines, lines - first), False, memory)
        start = image * output_layout.image + output_layout.first + first * output_layout.line
        _strip(
            layer,
            Source(seen.data, seen.start, seen.last, seen.rows, layer.offsets),
            out,
            start,
            width,
            epilogue,
        )


@kernel
def _strip(
    layer: Depthwise,
    source: Source,
    out: Array,
    start: int,
    width: int,
    epilogue: Epilogue | FloatEpilogue | None,
) -> None:
    """One strip through all blocks of channels. start: of the strip in out; width: positions of a line."""
    weights, channels = layer.weights, len(layer.initial)
    channel = begin = 0
    while channel < channels:
        lanes = block_lanes(channels - channel)
        seen = Source(
            source.data,
            source.start + channel * weights.values.itemsize,
            source.last,
            source.rows,
            source.offsets,
        )
        block = ChannelBlock(weights.values, begin, weights.words, width, layer.initial)
        target = Target(
            out, start + channel, layer.output_layout.places, channel, channels - channel, epilogue, None
        )
        if lanes == LANES:
            _tiles(seen, block, target, weights.together, LANES)
        elif lanes == HALF:
            _tiles(seen, block, target, weights.together, HALF)
        else:
            _tiles(seen, block, target, weights.together, QUARTER)
        channel += 4 * lanes
        begin += 16 * lanes * weights.words * weights.together // weights.values.itemsize


@kernel
def _tiles(source: Source, block: ChannelBlock, target: Target, together: int, lanes: int) -> None:
    """Both numbers must be constants of the tile: `lanes` is one of the call, compiled for each."""
    lanes = literally(lanes)
    if together == 1:
        depthwise_tiles(source, block, target, lanes, 1)
    elif together == 2:
        depthwise_tiles(source, block, target, lanes, 2)
    else:
        depthwise_tiles(source, block, target, lanes, 4)
