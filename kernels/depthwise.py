"""Depthwise convolution on NHWC arrays: int8 here; its float32 sister in float32.py runs the same strips and tiles.

A single product fits 16 bits, so depthwise convolution never saturates and has one arithmetic.
"""

from typing import NamedTuple

import numpy as np

from .epilogue import Epilogue, FloatEpilogue, Target
from .isa import ISA
from .jit import kernel
from .microkernel_depthwise import ChannelBlock, channel_order, depthwise_tiles
from .packing import aligned
from .reference import Array
from .strips import Source, Strips, cut, scratch, take
from .vectors import copy_bytes
from .window import Window, require, require_kernel

LANES = ISA.lanes
HALF, QUARTER = max(LANES // 2, 4), max(LANES // 4, 4)


class PackedDepthwise(NamedTuple):
    """Weights of a depthwise convolution, s8 or f32, in blocks of 4 registers of channels; the last blocks may have smaller registers."""

    values: Array  # flat s8 or f32; a block lies as (words, 4, lanes, elements of a word), a word being four taps of s8 or one of f32
    words: int
    sums: Array  # (C,) s32: what a zero point multiplies (eq. 3)
    kernel: tuple[int, int]


@kernel
def block_lanes(channels: int) -> int:
    """Lanes of the registers of the next block, when `channels` are left: the most that are not half empty."""
    lanes = LANES
    while lanes > 4 and channels <= 2 * lanes:
        lanes //= 2
    return lanes


def pack_depthwise(w: Array) -> PackedDepthwise:
    """(C,1,kh,kw) s8 or f32 -> PackedDepthwise."""
    channels, _, *kernel_size = w.shape
    word = 4 // w.itemsize
    taps = w.reshape(channels, -1)
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
    return PackedDepthwise(packed, words, taps.sum(axis=1, dtype=np.int32), (kernel_size[0], kernel_size[1]))


def depthwise(
    x: Array, weights: PackedDepthwise, zero_points: int | Array, out: Array, *, window: Window, epilogue: Epilogue | None = None
) -> None:
    """(N,H,W,C) u8 * weights -> out (N,H',W',C): s32 without an epilogue, f32 or u8 with one (eq. 7 to 11).

    zero_points: one code, or one for each channel as (C,). x, out: C-contiguous; threads may share the work by slices of the batch.
    Raises ValueError for arrays that do not fit.
    """
    results = (np.int32,) if epilogue is None else (np.float32, np.uint8)
    border = np.empty(len(weights.sums), np.uint8)
    border[:] = zero_points
    initial = -weights.sums * border
    convolve_depthwise(x, weights, initial, border, out, window=window, results=results, epilogue=epilogue)


def convolve_depthwise(
    x: Array,
    weights: PackedDepthwise,
    initial: Array,
    pixel: Array,
    out: Array,
    *,
    window: Window,
    results: tuple[type[np.generic], ...],
    epilogue: Epilogue | FloatEpilogue | None,
) -> None:
    """(N,H,W,C) u8 or f32 * weights -> out (N,H',W',C) of one of the types `results`. initial: (C,) s32; pixel: (C,) the border's."""
    channels = len(weights.sums)
    require("x", x, (pixel.dtype.type,), (-1, -1, -1, channels))
    require("out", out, results, (len(x), *window.output_size(*x.shape[1:3]), channels))
    require_kernel(weights.kernel, window)
    if out.size:
        codes, border = x.reshape(*x.shape[:2], x.shape[2] * channels).view(np.uint8), pixel.view(np.uint8)
        strips = cut(window, out.shape[1:3], len(border), out[0, 0].nbytes, 1)
        _run(codes, border, strips, scratch(strips), weights, initial, epilogue, out)


@kernel
def _run(
    x: Array,
    pixel: Array,
    strips: Strips,
    memory: Array,
    weights: PackedDepthwise,
    initial: Array,
    epilogue: Epilogue | FloatEpilogue | None,
    out: Array,
) -> None:
    images, lines, width, channels = out.shape
    offsets = np.zeros(weights.words * 4 // weights.values.itemsize, np.int64)  # past the last tap weights are zero: read any byte
    offsets[: len(strips.offsets)] = strips.offsets
    for begin in range(0, strips.pitch, strips.pixel):
        copy_bytes(memory, begin, pixel, 0, strips.pixel)  # the line of border
    for image in range(images):
        for line in range(0, lines, strips.lines):
            first = min(line, lines - strips.lines)
            seen = take(strips, x, image, first, False, memory)
            start = (image * lines + first) * width * channels
            _strip(Source(seen.data, seen.start, seen.last, seen.rows, offsets), weights, initial, epilogue, start, out)


@kernel
def _strip(
    source: Source, weights: PackedDepthwise, initial: Array, epilogue: Epilogue | FloatEpilogue | None, start: int, out: Array
) -> None:
    """One strip through all blocks of channels."""
    channels = out.shape[3]
    channel = begin = 0
    while channel < channels:
        lanes = block_lanes(channels - channel)
        seen = Source(source.data, source.start + channel * weights.values.itemsize, source.last, source.rows, source.offsets)
        block = ChannelBlock(weights.values, begin, weights.words, initial)
        target = Target(out, start + channel, channels, channel, channels - channel, epilogue)
        if lanes == LANES:
            depthwise_tiles(seen, block, target, LANES)
        elif lanes == HALF:
            depthwise_tiles(seen, block, target, HALF)
        else:
            depthwise_tiles(seen, block, target, QUARTER)
        channel += 4 * lanes
        begin += 16 * lanes * weights.words // weights.values.itemsize
