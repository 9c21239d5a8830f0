"""The tile in the registers of Intel AMX: 32 output positions times 32 output channels, 64 codes a step. Sums
are exact, as in dense_tile.py.

    for k in words of the window:             one word: 64 codes side by side
        a0, a1 = 2 x 16 positions at k        16 rows of 64 bytes, each `step` bytes behind the one before
        b0, b1 = 2 x 16 channels at k         16 rows of 16 x 4 bytes
        sums[m, v] += a[m] . b[v]             (16,16) s32 each

                         register 6: b0       register 7: b1
    register 4: a0       0: sums[0, 0]        1: sums[0, 1]
    register 5: a1       2: sums[1, 0]        3: sums[1, 1]

Sums leave the tile registers through memory, and the epilogue is that of any other tile. Rows are addressed
by a base and a step, so positions must lie a step apart from line to line, too: on a Grid some lie between
the lines, are computed, and are not stored.
"""

from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import types

from ..codegen.isa import ISA
from ..codegen.vectors import I8, I64, Vectors, cgutils, fields, index, instructions
from ..layout.strips import Strips
from ..reference import Array
from .dense_tile import first_sums
from .epilogue_codegen import Types, place_of, store, target_columns

ROWS = 16  # of a tile register
LINE = 64  # bytes of a row
POSITIONS = 2 * ROWS
A, B = 4, 6  # the first tile registers of positions and of channels; 0 to 3 are sums
VOID = ir.VoidType()


class Grid(NamedTuple):
    """The output positions of a strip, and those between its lines."""

    step: int  # bytes from one to the next
    width: int  # from a line to the next, in positions
    places: Array  # (positions,) s64: which output position each is, or -1
    begins: Array  # (tiles,) s64: the position where each tile begins
    tiles_of_line: int  # 0 if tiles go on from one line to the next


def make_grid(strips: Strips, stride: int, width: int) -> Grid:
    """stride: horizontal, of positions in a strip; width: W' of the output."""
    step = max(stride * strips.pixel, 1)  # 0 if there are no channels to sum over
    pitch = max(strips.pitch * strips.step // step, width)
    places = np.full((strips.lines, pitch), -1)
    places[:, :width] = np.arange(strips.lines * width).reshape(-1, width)
    begins = tile_begins(strips.lines, width, pitch)
    tiles_of_line = 0 if begins.ndim == 1 else begins.shape[1]
    return Grid(step, pitch, places.ravel(), begins.ravel(), tiles_of_line)


def tile_begins(lines: int, width: int, pitch: int) -> Array:
    """Where tiles begin on a grid: (tiles,), all positions in turn, or (lines,tiles of a line), if that makes
    fewer tiles.
    """
    through = np.arange(0, (lines - 1) * pitch + width, POSITIONS)
    of_line = np.minimum(np.arange(0, width, POSITIONS), max(width - POSITIONS, 0))
    return (
        through if len(through) <= lines * len(of_line) else np.add.outer(np.arange(lines) * pitch, of_line)
    )


@instructions
def amx_tiles(
    _: Any, source: Any, grid: Any, block: Any, target: Any, tiles: Any, stop: Any, vectors: Any
) -> Any:
    """The first tiles of the grid, positions up to `stop`, times `vectors` registers of channels,
    a constant.
    """
    count, kinds = vectors.literal_value, Types(target)

    def generate(context: Any, builder: ir.IRBuilder, _: Any, arguments: Any) -> Any:
        if not ISA.has_amx:  # callers are compiled all the same; nobody packs weights for it
            return context.get_dummy_value()
        v = Vectors(builder, ISA, ISA.lanes)
        s, g, w, t = (
            fields(context, builder, *pair)
            for pair in zip((source, grid, block, target), arguments, strict=False)
        )
        tiles, stop = arguments[4:6]
        columns = target_columns(v, t, count, kinds)
        memory = cgutils.alloca_once(builder, ir.ArrayType(I8, (POSITIONS + 1) * count * LINE))
        memory.align = LINE
        sums = builder.ptrtoint(memory, I64)
        beginning = v.item(sums, index(POSITIONS), count * LINE)
        for i, first in enumerate(first_sums(v, w, count, floats=False)):
            v.store(first, v.at(beginning, i * LINE))
        v.call(
            "llvm.x86.ldtilecfg",
            VOID,
            cgutils.global_constant(builder, "numpot_tiles", ir.Constant(ir.ArrayType(I8, 64), SHAPES)),
        )
        with v.loop(index(0), tiles) as tile:
            begin, first = _begin(v, g, tile, stop)
            _multiply(v, s, g, w, begin, beginning, count)
            for m in range(2):
                for i in range(count):
                    _move(
                        v,
                        "tilestored64",
                        _sums(m, i),
                        v.at(sums, (m * ROWS * count + i) * LINE),
                        index(count * LINE),
                    )
            _finish(v, t, g, columns, sums, (begin, first, stop), kinds)
        v.call("llvm.x86.tilerelease", VOID)
        return context.get_dummy_value()

    return types.void(source, grid, block, target, types.int64, types.int64, vectors), generate


#: What ldtilecfg reads (Intel's manual, volume 1, section 18.3): palette 1, then bytes of a row and rows of
#: the eight registers.
SHAPES = [1, *[0] * 15, *[LINE, 0] * 8, *[0] * 16, *[ROWS] * 8, *[0] * 8]


def _begin(v: Vectors, g: SimpleNamespace, tile: Any, stop: Any) -> tuple[Any, Any]:
    """The first position that a tile computes, the last ones again where there are no more, and the first
    that is new.
    """
    p = v.load(v.item(g.begins, tile, 8), I64)
    return v.larger(v.smaller(p, v.at(stop, -POSITIONS)), index(0)), p


def _finish(
    v: Vectors, t: SimpleNamespace, g: SimpleNamespace, columns: list[Any], sums: Any, tile: Any, kinds: Types
) -> None:
    """Store the results of a tile: its first position, the first that is new, and where positions end."""
    count, (begin, first, stop) = len(columns), tile
    together = 4 // count  # positions whose results leave as one register of codes
    end = v.smaller(v.builder.sub(stop, begin), index(POSITIONS))
    with v.loop(v.builder.sub(first, begin), end, together) as m:
        positions = [v.smaller(v.at(m, i), v.at(end, -1)) for i in range(together)]
        places = [v.load(v.item(g.places, v.at(begin, position), 8), I64) for position in positions]
        starts = [place_of(v, t, v.larger(place, index(0))) for place in places]
        rows = [
            [v.load(v.at(v.item(sums, m, count * LINE), i * LINE), v.int32) for i in range(count)]
            for m in positions
        ]
        store(
            v,
            t,
            columns,
            starts,
            rows,
            kinds,
            [v.builder.icmp_signed(">=", place, index(0)) for place in places],
        )


def _sums(m: int, i: int) -> int:
    return 2 * m + i


def _multiply(
    v: Vectors,
    s: SimpleNamespace,
    g: SimpleNamespace,
    w: SimpleNamespace,
    begin: Any,
    beginning: Any,
    count: int,
) -> None:
    """All words of positions begin .. begin + 32. beginning: address of what the sums of a position begin
    with.
    """
    for m in range(2):
        for i in range(count):
            # the same row for every position
            _move(v, "tileloadd64", _sums(m, i), v.at(beginning, i * LINE), index(0))
    window = v.at(s.data, s.start, v.builder.mul(begin, g.step))
    half = v.item(window, g.step, ROWS)
    weights, row = v.at(w.values, w.start), count * LINE
    with v.loop(*w.dots) as k:
        offset = v.load(v.item(s.offsets, k, 8), I64)
        for i in range(count):
            _move(
                v,
                "tileloadd64",
                B + i,
                v.at(weights, v.builder.mul(k, index(ROWS * row)), i * LINE),
                index(row),
            )
        for m, rows in enumerate((window, half)):
            _move(v, "tileloadd64", A + m, v.at(rows, offset), g.step)
            for i in range(count):
                v.call("llvm.x86.tdpbusd", VOID, *(_register(n) for n in (_sums(m, i), A + m, B + i)))


def _move(v: Vectors, instruction: str, register: int, address: Any, step: Any) -> None:
    """Between a tile register and memory whose rows are `step` bytes apart."""
    v.call(
        f"llvm.x86.{instruction}",
        VOID,
        _register(register),
        v.builder.inttoptr(address, I8.as_pointer()),
        step,
    )


def _register(number: int) -> ir.Constant:
    return ir.Constant(I8, number)
