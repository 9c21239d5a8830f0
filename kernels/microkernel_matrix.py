"""The tile on a matrix unit (Intel AMX): 32 output positions times 32 output channels, 64 codes a step.

    for k in words of the window:             one word: 64 codes side by side
        a0, a1 = 2 x 16 positions at k        16 rows of 64 bytes, each `step` bytes behind the one before
        b0, b1 = 2 x 16 channels at k         16 rows of 16 x 4 bytes
        sums[m, v] += a[m] . b[v]             (16,16) s32 each, nothing lost (eq. 3)

Sums leave the tile registers through memory, and the epilogue is that of any other tile. Rows are addressed by a base and a step, so
positions must lie a step apart from line to line, too: on a Grid some lie between the lines, are computed, and are not stored.
"""

from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import types

from .epilogue import Types, place_of, store, target_columns
from .isa import ISA
from .microkernel import first_sums
from .reference import Array
from .strips import Strips
from .vectors import I8, I64, Vectors, cgutils, fields, index, instructions

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


def make_grid(strips: Strips, stride: int, width: int) -> Grid:
    """stride: horizontal; width: W' of the output."""
    step = max(stride * strips.pixel, 1)  # 0 if there are no channels to sum over
    pitch = max(strips.pitch * strips.step // step, width)
    places = np.full((strips.lines, pitch), -1)
    places[:, :width] = np.arange(strips.lines * width).reshape(-1, width)
    return Grid(step, pitch, places.ravel())


@instructions
def matrix_tiles(_: Any, source: Any, grid: Any, block: Any, target: Any, stop: Any, vectors: Any) -> Any:
    """Positions 0 .. stop of the grid times `vectors` registers of channels, a constant."""
    count, kinds = vectors.literal_value, Types(target)

    def generate(context: Any, builder: ir.IRBuilder, _: Any, arguments: Any) -> Any:
        if not ISA.has_matrix_unit:  # callers are compiled all the same; nobody packs weights for it
            return context.get_dummy_value()
        v = Vectors(builder, ISA, ISA.lanes)
        s, g, w, t = (fields(context, builder, *pair) for pair in zip((source, grid, block, target), arguments, strict=False))
        stop = arguments[4]
        first = first_sums(v, w, count, floats=False)
        columns = [target_columns(v, t, i, kinds) for i in range(count)]
        memory = cgutils.alloca_once(builder, ir.ArrayType(I8, POSITIONS * count * LINE))
        memory.align = LINE
        sums = builder.ptrtoint(memory, I64)
        v.call("llvm.x86.ldtilecfg", VOID, cgutils.global_constant(builder, "numpot_tiles", ir.Constant(ir.ArrayType(I8, 64), SHAPES)))
        with v.loop(index(0), stop, POSITIONS) as p:  # the last ones again where there are no more
            begin = v.larger(v.smaller(p, v.at(stop, -POSITIONS)), index(0))
            _multiply(v, s, g, w, begin, count)
            for m in range(2):
                for i in range(count):
                    _move(v, "tilestored64", _sums(m, i), v.at(sums, (m * ROWS * count + i) * LINE), index(count * LINE))
            with v.loop(builder.sub(p, begin), v.smaller(builder.sub(stop, begin), index(POSITIONS))) as m:
                place = v.load(v.item(g.places, v.at(begin, m), 8), I64)
                with builder.if_then(builder.icmp_signed(">=", place, index(0))):
                    row, start = v.item(sums, m, count * LINE), place_of(v, t, place)
                    for i, column in enumerate(columns):
                        total = builder.add(v.load(v.at(row, i * LINE), v.int32), first[i])
                        store(v, t, column, start, total, kinds)
        v.call("llvm.x86.tilerelease", VOID)
        return context.get_dummy_value()

    return types.void(source, grid, block, target, types.int64, vectors), generate


#: What ldtilecfg reads (Intel's manual, volume 1, section 18.3): palette 1, then bytes of a row and rows of the eight registers.
SHAPES = [1, *[0] * 15, *[LINE, 0] * 8, *[0] * 16, *[ROWS] * 8, *[0] * 8]


def _sums(m: int, i: int) -> int:
    return 2 * m + i


def _multiply(v: Vectors, s: SimpleNamespace, g: SimpleNamespace, w: SimpleNamespace, begin: Any, count: int) -> None:
    """All words of positions begin .. begin + 32."""
    for m in range(2):
        for i in range(count):
            v.call("llvm.x86.tilezero", VOID, _register(_sums(m, i)))
    window = v.at(s.data, s.start, v.builder.mul(begin, g.step))
    half = v.item(window, g.step, ROWS)
    weights, row = v.at(w.values, w.start), count * LINE
    with v.loop(*w.dots) as k:
        offset = v.load(v.item(s.offsets, k, 8), I64)
        for i in range(count):
            _move(v, "tileloadd64", B + i, v.at(weights, v.builder.mul(k, index(ROWS * row)), i * LINE), index(row))
        for m, rows in enumerate((window, half)):
            _move(v, "tileloadd64", A + m, v.at(rows, offset), g.step)
            for i in range(count):
                v.call("llvm.x86.tdpbusd", VOID, *(_register(n) for n in (_sums(m, i), A + m, B + i)))


def _move(v: Vectors, instruction: str, register: int, address: Any, step: Any) -> None:
    """Between a tile register and memory whose rows are `step` bytes apart."""
    v.call(f"llvm.x86.{instruction}", VOID, _register(register), v.builder.inttoptr(address, I8.as_pointer()), step)


def _register(number: int) -> ir.Constant:
    return ir.Constant(I8, number)
