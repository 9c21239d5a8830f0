"""A convolution, int8 or float32: every strip of every image times every block of weights, tile by tile."""

from typing import NamedTuple

from ..codegen.isa import ISA
from ..codegen.jit import kernel
from ..codegen.work_sharing import WorkQueue, claimed
from ..layout.output_layout import OutputGrid, OutputLayout, make_output_layout
from ..layout.strips import Source, Strips, Words, cut, take, without_gaps
from ..layout.weight_packing import AMX_WORD, TILE_COLUMNS, PackedWeights, round_up, runs_of
from ..layout.window import Window
from ..reference import Array
from ..saturation import SaturationCount
from ..tiles.amx_tile import POSITIONS, Grid, amx_tiles, make_grid, tile_begins
from ..tiles.dense_tile import Block, tiles
from ..tiles.epilogue import Epilogue, FloatEpilogue, FloatResidual, Residual, Target

ROWS, VECTORS, HAS_DOT = ISA.rows, ISA.vectors, ISA.has_dot
MANY = 2048  # positions of a strip of a matrix product, at most


class Dense(NamedTuple):
    """A convolution as the kernel wants it, whatever the images."""

    strips: Strips
    weights: PackedWeights
    zero_point: int  # 0 for float32
    in_place: bool  # every position sees the pixel in its own place, and reads it there
    saturating: bool
    output_layout: OutputLayout
    grid: Grid | None = None  # for AMX


def make_dense(
    weights: PackedWeights,
    window: Window,
    size: tuple[int, int],
    zero_point: int,
    saturating: bool,
    out_bytes: int,
    output_grid: OutputGrid | None = None,
) -> Dense:
    """size: (H',W') of the output; any number of positions where the window is pointwise. out_bytes: of an
    output element.

    output_grid: of the positions in the output, where they are not all there is.
    """
    if window.is_pointwise and output_grid is None:
        size = (MANY, 1)
    depth = weights.depth * weights.values.itemsize
    pixel = len(weights.values) * depth
    # in place, or else the last word of the last group would end behind the array
    in_place = window.is_pointwise and depth % weights.word == 0 and not weights.block
    words = Words(weights.runs, weights.order.shape[2] // weights.runs, weights.word, weights.block)
    rows = POSITIONS if weights.word == AMX_WORD else ROWS
    strips = cut(
        window, size, pixel, size[1] * len(weights.values) * weights.columns * out_bytes, words, rows=rows
    )
    grid = (
        make_grid(strips, window.strides[1] // strips.skip[1], size[1]) if weights.word == AMX_WORD else None
    )
    channels = len(weights.values) * weights.columns
    output_layout = make_output_layout(output_grid or OutputGrid(size), strips.lines, size[1], channels)
    return Dense(strips, weights, zero_point, in_place, saturating, output_layout, grid)


def suits_amx(window: Window, size: tuple[int, int], weights: tuple[int, ...], groups: int) -> bool:
    """Is AMX there, and faster for these sums? weights: the shape (O,G,kh,kw); size: (H',W') of
    the output.

    Counts cycles for 32 channels of a position. In tiles a word takes 3, half as much again as at best, and
    the way out of the registers 5; what that costs for positions between lines, and for codes behind the end
    of a run, is wasted. A word of a dot product takes 1.
    """
    if not ISA.has_amx:
        return False
    depth, (kh, kw), (lines, width) = weights[1], window.kernel, size
    if window.is_pointwise:  # all images are one line, as a rule of many positions
        positions = round_up(lines * width, ROWS)
    else:
        (down, right), dilation = without_gaps(window)[0].strides, window.dilations[1]
        seen = (width - 1) * right + (kw - 1) * dilation + 1
        pitch = -(-seen * down // right)
        positions = POSITIONS * tile_begins(lines, width, pitch).size
    _, products = runs_of(window.kernel, depth, groups, window.dilations[1] > 1)
    dots = round_up(lines * width, ROWS) * (kh * kw * -(-depth // 4) + 1)
    return positions * (3 * products // AMX_WORD + 5) < dots


@kernel
def convolve_units(
    layer: Dense,
    x: Array,
    residual: Residual | FloatResidual | None,
    out: Array,
    size: tuple[int, int, int],
    epilogue: Epilogue | FloatEpilogue | None,
    count: SaturationCount | None,
    memory: Array,
    queue: WorkQueue,
    parts: int,
) -> None:
    """This thread's share of the units, and the wait for the others. A unit: one strip times one of `parts`
    parts of the weights.

    x: (N,H,bytes) u8. out: flat; size: (N,H',W') of the positions. residual: like out, of its own type.
    memory: of this thread, strips.scratch_size bytes.
    """
    images, lines, width = size
    strips, weights, output_layout = layer.strips, layer.weights, layer.output_layout
    cuts = -(-lines // strips.lines)
    blocks = weights.order.shape[0] * weights.order.shape[1]
    filled, source = -1, Source(memory, 0, 0, strips.rows, strips.offsets)
    for unit in claimed(queue, images * cuts * parts):
        strip, part = unit // parts, unit % parts
        image, first = strip // cuts, strip % cuts * strips.lines
        if filled < 0 and not layer.in_place:  # only now: the memory belongs to those who have a unit
            memory[: strips.pitch] = layer.zero_point  # the line of border
        if strip != filled:
            seen = min(strips.lines, lines - first)
            source = take(
                strips,
                x,
                image,
                first,
                seen,
                layer.in_place and _fills_a_tile(layer.grid, seen * width),
                memory,
            )
            filled = strip
        start = image * output_layout.image + output_layout.first + first * output_layout.line
        for block in range(part * blocks // parts, (part + 1) * blocks // parts):
            _strip(layer, layer.grid, source, block, residual, out, start, width, epilogue, count)


@kernel
def _fills_a_tile(grid: Grid | None, positions: int) -> bool:
    """AMX always reads whole tiles; behind fewer positions the array may end."""
    if grid is None:
        return True
    return positions >= POSITIONS


@kernel
def _strip(
    layer: Dense,
    grid: Grid | None,
    source: Source,
    number: int,
    residual: Residual | FloatResidual | None,
    out: Array,
    start: int,
    width: int,
    epilogue: Epilogue | FloatEpilogue | None,
    count: SaturationCount | None,
) -> None:
    """One strip times one block of weights. start: of the strip in out; width: positions of a line."""
    weights = layer.weights
    groups, blocks, words = weights.order.shape
    g, j = number // blocks, number % blocks
    seen = Source(
        source.data,
        source.start + g * weights.depth * weights.values.itemsize,
        source.last,
        source.rows,
        source.offsets,
    )
    safe, first = weights.safe[g, j], j * TILE_COLUMNS
    columns = weights.sums.shape[1]
    coupled = 0 if HAS_DOT else weights.coupled[g, j]
    dots, pairs = (coupled, safe), (safe, words)
    if count is None and not layer.saturating:
        dots, pairs = (0, words), (0, 0)
        if not HAS_DOT:  # the clipping instruction is the cheaper one, and exact where nothing can clip
            dots, pairs = (safe, words), (coupled, safe)
    elif count is None and not HAS_DOT:
        dots, pairs = (0, 0), (coupled, words)
    at = g * columns + first
    tables = weights.order, weights.limits, number * words
    block = Block(
        weights.values,
        at * weights.products,
        *tables,
        weights.sums,
        at,
        layer.zero_point,
        (0, coupled),
        dots,
        pairs,
    )
    channel = g * weights.columns + first
    target = Target(
        out, start + channel, layer.output_layout.places, channel, weights.columns - first, epilogue, residual
    )
    whole = first + TILE_COLUMNS <= columns
    if grid is not None:
        lines = (source.last + 1) // width
        stop = (lines - 1) * grid.width + width
        last = lines * grid.tiles_of_line if grid.tiles_of_line else -(-stop // POSITIONS)
        if whole:
            amx_tiles(seen, grid, block, target, last, stop, VECTORS)
        else:
            amx_tiles(seen, grid, block, target, last, stop, 1)
    elif count is not None:
        _counting_tiles(seen, block, target, whole, layer.saturating, count)
    elif whole:
        tiles(seen, block, target, VECTORS, None, True)
    else:
        tiles(seen, block, target, 1, None, True)


@kernel
def _counting_tiles(
    source: Source, block: Block, target: Target, whole: bool, saturating: bool, count: SaturationCount
) -> None:
    """Numbers of registers, and the arithmetic, must be constants of the call."""
    if whole and saturating:
        tiles(source, block, target, VECTORS, count, True)
    elif whole:
        tiles(source, block, target, VECTORS, count, False)
    elif saturating:
        tiles(source, block, target, 1, count, True)
    else:
        tiles(source, block, target, 1, count, False)
