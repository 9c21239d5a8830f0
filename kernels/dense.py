"""A convolution, int8 or float32: every strip of every image times every block of weights, tile by tile."""

import numpy as np

from .epilogue import Epilogue, FloatEpilogue
from .isa import ISA
from .jit import kernel
from .microkernel import Block, Target, count_clipped, tile
from .packing import TILE_COLUMNS, PackedWeights
from .reference import Array
from .saturation import SaturationCount
from .strips import Source, cut, take
from .window import Window

LANES, ROWS, VECTORS, HAS_DOT = ISA.lanes, ISA.rows, ISA.vectors, ISA.has_dot


def convolve(
    x: Array,
    weights: PackedWeights,
    initial: Array,
    pixel: Array,
    out: Array,
    *,
    window: Window,
    saturating: bool = False,
    epilogue: Epilogue | FloatEpilogue | None = None,
    count: SaturationCount | None = None,
) -> None:
    """(N,H,W,C) u8 or f32 * weights -> out (N,H',W',O), of checked sizes. initial: (groups,N') s32; pixel: (C,) the border's codes."""
    if not out.size:
        return
    images, height, width, channels = x.shape
    if window.is_pointwise:  # a matrix product: let every position be a line of its own, and all images one
        images, height, width = 1, images * height * width, 1
        out = out.reshape(1, height, 1, out.shape[3])
    codes, border = x.reshape(images, height, width * channels).view(np.uint8), pixel.view(np.uint8)
    in_place = window.is_pointwise and len(border) % 4 == 0  # else the last word would end behind the array
    _run(codes, border, weights, initial, window, in_place, saturating, epilogue, count, out)


@kernel
def _run(
    x: Array,
    pixel: Array,
    weights: PackedWeights,
    initial: Array,
    window: Window,
    in_place: bool,
    saturating: bool,
    epilogue: Epilogue | FloatEpilogue | None,
    count: SaturationCount | None,
    out: Array,
) -> None:
    images, lines, width, channels = out.shape
    words = weights.order.shape[2] // (window.kernel[0] * window.kernel[1])
    strips = cut(x, pixel, window, words, in_place, out)
    for image in range(images):
        for line in range(0, lines, strips.lines):
            first = min(line, lines - strips.lines)  # the last strip may begin with lines of the one before, which need no counting
            source, start = take(strips, x, image, first, window), (image * lines + first) * width * channels
            _strip(source, weights, initial, saturating, epilogue, count, (line - first) * width, start, out)


@kernel
def _strip(
    source: Source,
    weights: PackedWeights,
    initial: Array,
    saturating: bool,
    epilogue: Epilogue | FloatEpilogue | None,
    count: SaturationCount | None,
    counted: int,
    start: int,
    out: Array,
) -> None:
    """One strip through all blocks of weights. counted: positions at its beginning that need no counting; start: of the strip in out."""
    groups, blocks, words = weights.order.shape
    last = len(source.rows) - 1
    columns, size = initial.shape[1], weights.products // words
    for g in range(groups):
        seen = Source(source.data, source.start + g * weights.depth * weights.values.itemsize, source.rows, source.offsets)
        for j in range(blocks):
            safe, first, order = weights.safe[g, j], j * TILE_COLUMNS, (g * blocks + j) * words
            whole = first + TILE_COLUMNS <= columns
            dots, pairs = (0, words), (0, 0)
            if saturating or count is not None:
                dots, pairs = (0, safe), (safe, words)
            elif not HAS_DOT:  # the clipping instruction is the cheaper one, and exact where nothing can clip
                dots, pairs = (safe, words), (0, safe)
            at = g * columns + first
            block = Block(weights.values, at * weights.products, weights.order, order, initial, at, dots, pairs)
            channel = g * weights.columns + first
            target = Target(out, start + channel, out.shape[3], channel, weights.columns - first, epilogue)
            for p in range(0, last + 1, ROWS):
                if count is not None:
                    _counting_tile(seen, block, target, p, whole, saturating, counted, count)
                elif whole:
                    tile(seen, block, target, p, last, VECTORS, False)
                else:
                    tile(seen, block, target, p, last, 1, False)


@kernel
def _counting_tile(
    source: Source, block: Block, target: Target, first: int, whole: bool, saturating: bool, counted: int, count: SaturationCount
) -> None:
    """One tile, saturating, and a second look where a pair sum reached a limit; where none did, both arithmetics agree anyway."""
    last = len(source.rows) - 1
    if whole:
        touched = tile(source, block, target, first, last, VECTORS, True)
    else:
        touched = tile(source, block, target, first, last, 1, True)
    if not touched:
        return
    if not saturating:
        exact = Block(*block[:6], (0, block.pairs[1]), (0, 0))
        if whole:
            tile(source, exact, target, first, last, VECTORS, False)
        else:
            tile(source, exact, target, first, last, 1, False)
    vectors = VECTORS if whole else 1
    clipped, overflow = np.empty(LANES, np.int32), np.empty(LANES, np.int32)
    for vector in range(vectors):
        clipped[:], overflow[:] = 0, 0
        part = Block(block.values, block.start + 4 * LANES * vector, *block[2:])
        for p in range(max(first, counted), min(first + ROWS, last + 1)):
            count_clipped(source, part, p, 4 * LANES * vectors, clipped, overflow)
        for lane in range(min(LANES, target.valid - vector * LANES)):
            channel = target.channel + vector * LANES + lane
            count.pairs[channel] += clipped[lane]
            count.overflow[channel] = max(count.overflow[channel], overflow[lane])
