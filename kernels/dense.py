"""A convolution, int8 or float32: every strip of every image times every block of weights, tile by tile."""

import numpy as np

from .epilogue import Epilogue, FloatEpilogue, Target
from .isa import ISA
from .jit import kernel
from .microkernel import Block, count_clipped, tiles
from .packing import TILE_COLUMNS, PackedWeights
from .reference import Array
from .saturation import SaturationCount
from .strips import Source, Strips, cut, scratch, take
from .window import Window

LANES, ROWS, VECTORS, HAS_DOT = ISA.lanes, ISA.rows, ISA.vectors, ISA.has_dot


def convolve(
    x: Array,
    weights: PackedWeights,
    zero_point: int,
    out: Array,
    *,
    window: Window,
    saturating: bool = False,
    epilogue: Epilogue | FloatEpilogue | None = None,
    count: SaturationCount | None = None,
) -> None:
    """(N,H,W,C) u8 or f32 * weights -> out (N,H',W',O), of checked sizes; zero_point is 0 for f32."""
    if not out.size:
        return
    images, height, width, channels = x.shape
    if window.is_pointwise:  # a matrix product: let every position be a line of its own, and all images one
        images, height, width = 1, images * height * width, 1
        out = out.reshape(1, height, 1, out.shape[3])
    pixel = channels * x.itemsize
    in_place = window.is_pointwise and pixel % 4 == 0  # else the last word would end behind the array
    words = weights.order.shape[2] // (window.kernel[0] * window.kernel[1])
    strips = cut(window, out.shape[1:3], pixel, out.shape[2] * out.shape[3] * out.itemsize, words)
    codes = x.reshape(images, height, width * channels).view(np.uint8)
    _run(codes, strips, scratch(strips), weights, zero_point, in_place, saturating, epilogue, count, out)


@kernel
def _run(
    x: Array,
    strips: Strips,
    memory: Array,
    weights: PackedWeights,
    zero_point: int,
    in_place: bool,
    saturating: bool,
    epilogue: Epilogue | FloatEpilogue | None,
    count: SaturationCount | None,
    out: Array,
) -> None:
    images, lines, width, channels = out.shape
    if not in_place:
        memory[: strips.pitch] = zero_point  # the line of border
    for image in range(images):
        for line in range(0, lines, strips.lines):
            first = min(line, lines - strips.lines)  # the last strip may begin with lines of the one before, which need no counting
            source = take(strips, x, image, first, in_place, memory)
            start = (image * lines + first) * width * channels
            _strip(source, weights, zero_point, saturating, epilogue, count, (line - first) * width, start, out)


@kernel
def _strip(
    source: Source,
    weights: PackedWeights,
    zero_point: int,
    saturating: bool,
    epilogue: Epilogue | FloatEpilogue | None,
    count: SaturationCount | None,
    counted: int,
    start: int,
    out: Array,
) -> None:
    """One strip through all blocks of weights. counted: positions at its beginning that need no counting; start: of the strip in out."""
    groups, blocks, words = weights.order.shape
    columns = weights.sums.shape[1]
    for g in range(groups):
        begin = source.start + g * weights.depth * weights.values.itemsize
        seen = Source(source.data, begin, source.last, source.rows, source.offsets)
        for j in range(blocks):
            safe, first, order = weights.safe[g, j], j * TILE_COLUMNS, (g * blocks + j) * words
            whole = first + TILE_COLUMNS <= columns
            dots, pairs = (0, words), (0, 0)
            if saturating or count is not None:
                dots, pairs = (0, safe), (safe, words)
            elif not HAS_DOT:  # the clipping instruction is the cheaper one, and exact where nothing can clip
                dots, pairs = (safe, words), (0, safe)
            at = g * columns + first
            block = Block(weights.values, at * weights.products, weights.order, order, weights.sums, at, zero_point, dots, pairs)
            channel = g * weights.columns + first
            target = Target(out, start + channel, out.shape[3], channel, weights.columns - first, epilogue)
            if count is not None:
                for p in range(0, seen.last + 1, ROWS):
                    _counting_tile(seen, block, target, p, whole, saturating, counted, count)
            elif whole:
                tiles(seen, block, target, 0, seen.last + 1, VECTORS, False)
            else:
                tiles(seen, block, target, 0, seen.last + 1, 1, False)


@kernel
def _counting_tile(
    source: Source, block: Block, target: Target, first: int, whole: bool, saturating: bool, counted: int, count: SaturationCount
) -> None:
    """One tile, saturating, and a second look where a pair sum reached a limit; where none did, both arithmetics agree anyway."""
    stop = min(first + ROWS, source.last + 1)
    if whole:  # noqa: SIM108, the number of registers must be a constant of the call
        touched = tiles(source, block, target, first, stop, VECTORS, True)
    else:
        touched = tiles(source, block, target, first, stop, 1, True)
    if not touched:
        return
    if not saturating:
        exact = Block(*block[:7], (0, block.pairs[1]), (0, 0))
        if whole:
            tiles(source, exact, target, first, stop, VECTORS, False)
        else:
            tiles(source, exact, target, first, stop, 1, False)
    vectors = VECTORS if whole else 1
    clipped, overflow = np.empty(LANES, np.int32), np.empty(LANES, np.int32)
    for vector in range(vectors):
        clipped[:], overflow[:] = 0, 0
        part = Block(block.values, block.start + 4 * LANES * vector, *block[2:])
        for p in range(max(first, counted), stop):
            count_clipped(source, part, p, 4 * LANES * vectors, clipped, overflow)
        for lane in range(min(LANES, target.valid - vector * LANES)):
            channel = target.channel + vector * LANES + lane
            count.pairs[channel] += clipped[lane]
            count.overflow[channel] = max(count.overflow[channel], overflow[lane])
