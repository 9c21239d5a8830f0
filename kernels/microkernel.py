"""The tile: a few output positions times a few registers of output channels, all k, from codes to stored results.

    for k in words of the window:                 one word: four u8 codes, or one float32
        w[v] = weights[k, v]                      vectors of `lanes` words
        for m in rows:
            x = the word of position m at k       broadcast to all lanes
            sums[m, v] += x . w[v]

Sums live in registers from the first k to the epilogue. Both addresses of x are looked up, where a position's window begins (rows) and
where a word lies in a window (offsets), so a matrix product and any convolution, strided or dilated, are the same code; and the words
may come in any order, which puts those that need saturating instructions last.
"""

from types import SimpleNamespace
from typing import Any, NamedTuple

from llvmlite import ir
from numba import types

from .epilogue import Types, store, target_columns
from .isa import ISA
from .reference import INT16_MAX, INT16_MIN, Array
from .vectors import I32, I64, Vectors, cgutils, fields, instructions, part


class Block(NamedTuple):
    """The weights of a tile's output channels. Starts count elements of their arrays."""

    values: Array  # (groups, ...) s8 or f32
    start: int
    order: Array  # (groups, blocks, words) s64
    order_start: int
    sums: Array  # (groups, N') s32, of the weights of each channel
    sums_start: int
    zero_point: int
    dots: tuple[int, int]  # the words, first and end, for the exact instruction
    pairs: tuple[int, int]  # the words for the instruction that clips pair sums


@instructions
def tiles(_: Any, source: Any, block: Any, target: Any, first: Any, stop: Any, vectors: Any, watched: Any) -> Any:
    """Positions first .. stop, ISA.rows at a time (the source's last one again where there are no more), `vectors` registers of channels.

    watched: returns whether some pair sum reached a limit of 16 bits, so that it may have clipped; else returns False. Both are constants.
    """
    count, watch, floats = vectors.literal_value, watched.literal_value, block.types[0].dtype == types.float32
    kinds = Types(target)

    def generate(context: Any, builder: ir.IRBuilder, _: Any, arguments: Any) -> Any:
        v = Vectors(builder, ISA, ISA.lanes)
        s, w, t = (fields(context, builder, *pair) for pair in zip((source, block, target), arguments, strict=False))
        beginning = first_sums(v, w, count, floats)
        columns = [target_columns(v, t, i, kinds) for i in range(count)]
        touched = v.variable(cgutils.false_bit)
        with v.loop(arguments[3], arguments[4], ISA.rows) as p:
            positions = [v.smaller(v.at(p, m), s.last) for m in range(ISA.rows)]
            windows = [v.at(s.data, s.start, v.load(v.item(s.rows, position, 8), I64)) for position in positions]
            sums = [[v.variable(x) for x in beginning] for _ in windows]
            with v.loop(*w.dots) as k:
                _add_products(v, s, w, k, windows, sums, v.multiply_add if floats else v.dot)
            if not floats:
                v.set(touched, builder.or_(v.get(touched), _add_pairs(v, s, w, windows, sums, watch)))
            for position, row in zip(positions, sums, strict=True):
                start = v.at(t.start, builder.mul(position, t.pitch))
                for column, total in zip(columns, row, strict=True):
                    store(v, t, column, start, v.get(total), kinds)
        return v.get(touched)

    return types.boolean(source, block, target, types.int64, types.int64, vectors, watched), generate


def first_sums(v: Vectors, w: SimpleNamespace, count: int, floats: bool) -> list[Any]:
    """What the sums of one position begin with: zero, or minus the zero point times the sum of the weights (eq. 3)."""
    if floats:
        return [v.constant(v.float32, 0.0)] * count
    zero_point = v.splat(v.builder.neg(v.builder.trunc(w.zero_point, I32)))
    sums = [v.load(v.item(w.sums, v.at(w.sums_start, i * v.lanes), 4), v.int32) for i in range(count)]
    return [v.builder.mul(zero_point, total) for total in sums]


def _add_products(v: Vectors, s: SimpleNamespace, w: SimpleNamespace, k: Any, windows: list[Any], sums: list[list[Any]], add: Any) -> None:
    """sums[m][i] = add(sums[m][i], word k of window m, word k of the weights of vector i)"""
    offset = v.load(v.item(s.offsets, v.load(v.item(w.order, v.at(w.order_start, k), 8), I64), 8), I64)
    kind, size = (v.float32, 4) if add == v.multiply_add else (v.int32, 1)
    begin = v.at(v.item(w.values, w.start, size), v.builder.mul(k, I64(4 * v.lanes * len(sums[0]))))
    weights = [v.load(v.at(begin, 4 * v.lanes * i), kind) for i in range(len(sums[0]))]
    for window, row in zip(windows, sums, strict=True):
        word = v.splat(v.load(v.at(window, offset), kind.element))
        for total, weight in zip(row, weights, strict=True):
            v.set(total, add(v.get(total), word, weight))


def _add_pairs(v: Vectors, s: SimpleNamespace, w: SimpleNamespace, windows: list[Any], sums: list[list[Any]], watch: bool) -> Any:
    """The saturating words; returns, if watched, whether a pair sum reached a limit."""
    highest, lowest = v.variable(v.constant(v.int16, 0)), v.variable(v.constant(v.int16, 0))

    def add(total: Any, codes: Any, weights: Any) -> Any:
        pairs = v.pairs(codes, weights)
        if watch:
            v.set(highest, v.larger(v.get(highest), pairs))
            v.set(lowest, v.smaller(v.get(lowest), pairs))
        return v.add_pairs(total, pairs)

    with v.loop(*w.pairs) as k:
        _add_products(v, s, w, k, windows, sums, add)
    return v.at_a_limit(v.get(highest), v.get(lowest)) if watch else cgutils.false_bit


@instructions
def count_clipped(_: Any, source: Any, block: Any, position: Any, pitch: Any, clipped: Any, overflow: Any) -> Any:
    """For one position and one register of channels: adds to clipped (lanes,) s32 the pair sums of block.pairs that clip, and lifts
    overflow (lanes,) s32 to the worst miss. pitch: elements from one word of the block to the next.
    """

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        v = Vectors(builder, ISA, ISA.lanes)
        s, w = (fields(context, builder, *pair) for pair in zip((source, block), arguments, strict=False))
        counts = [part(context, builder, kind, a) for kind, a in zip(signature.args[4:], arguments[4:], strict=True)]
        count, worst = (v.variable(v.load(place, v.int32)) for place in counts)
        window = v.at(s.data, s.start, v.load(v.item(s.rows, arguments[2], 8), I64))
        with v.loop(*w.pairs) as k:
            offset = v.load(v.item(s.offsets, v.load(v.item(w.order, v.at(w.order_start, k), 8), I64), 8), I64)
            word = v.splat(v.load(v.at(window, offset), I32))
            weights = v.load(v.at(w.values, w.start, v.builder.mul(k, arguments[3])), v.int32)
            for pair in v.exact_pairs(word, weights):
                low, high = v.constant(v.int32, INT16_MIN), v.constant(v.int32, INT16_MAX)
                miss = v.larger(builder.sub(pair, high), builder.sub(low, pair))
                clips = builder.icmp_signed(">", miss, v.constant(v.int32, 0))
                v.set(count, builder.add(v.get(count), builder.zext(clips, v.int32)))
                v.set(worst, v.larger(v.get(worst), miss))
        v.store(v.get(count), counts[0])
        v.store(v.get(worst), counts[1])
        return context.get_dummy_value()

    return types.void(source, block, types.int64, types.int64, clipped, overflow), generate
