"""The tile: a few output positions times a few registers of output channels, all k, from codes to stored
results (docs/arithmetic.md).

    a = sum_k (q_k - z) w_k = sum_k q_k w_k - z sum_k w_k                                        (3)
    a = sum_i min(max(p_i, -32768), 32767) - z sum_k w_k                                         (6)

q are codes with zero point z, w weights, p_i the sum of the neighbouring products 2i and 2i + 1; (6) holds
for the words whose pairs may clip, in saturating arithmetic.

    for k in words of the window:                 one word: four u8 codes, or one float32
        w[v] = weights[k, v]                      vectors of `lanes` words
        for m in rows:
            x = the word of position m at k       broadcast to all lanes
            sums[m, v] += x . w[v]

              w[0]        w[1]        ...         registers: the weights of a word,
    x of 0    sums[0, 0]  sums[0, 1]              a word of one position at a time,
    x of 1    sums[1, 0]  sums[1, 1]              and rows x vectors of sums
    ...

Sums live in registers from the first k to the epilogue. Both addresses of x are looked up, where a position's
window begins (rows) and where a word lies in a window (offsets), so a matrix product and any convolution,
strided or dilated, are the same code; and the words may come in any order, which puts those that need
saturating instructions last.
"""

from types import SimpleNamespace
from typing import Any, NamedTuple

from llvmlite import ir
from numba import types

from ..codegen.isa import ISA
from ..codegen.vectors import I8, I32, I64, Vectors, fields, index, instructions
from ..reference import INT16_MAX, INT16_MIN, Array
from .epilogue_codegen import Types, place_of, store, target_columns

# Rows that pairs are added for at a time: their products need a register, too, before they are added.
HALF = -(-ISA.rows // 2)


class Block(NamedTuple):
    """The weights of a tile's output channels. Starts count elements of their arrays."""

    values: Array  # (groups, ...) s8 or f32
    start: int
    order: Array  # (groups, blocks, words) s64
    limits: Array  # (groups, blocks, words) u8
    order_start: int  # also in limits
    sums: Array  # (groups, N') s32, of the weights of each channel
    sums_start: int
    zero_point: int
    # the words, first and end, of which two can be added in 16 bits; where there is no dot product
    couples: tuple[int, int]
    dots: tuple[int, int]  # the words, first and end, for the exact instruction
    pairs: tuple[int, int]  # the words for the instruction that clips pair sums


@instructions
def tiles(_: Any, source: Any, block: Any, target: Any, vectors: Any, count: Any, saturating: Any) -> Any:
    """All positions, ISA.rows at a time (the last one again where there are no more), times `vectors`
    registers of channels, a constant.

    count: a SaturationCount or None. saturating: whether block.pairs clip, a constant; they always do unless
    they are counted.
    """
    registers, clips, floats = (
        vectors.literal_value,
        saturating.literal_value,
        block.types[0].dtype == types.float32,
    )
    kinds = Types(target)

    def generate(context: Any, builder: ir.IRBuilder, _: Any, arguments: Any) -> Any:
        v = Vectors(builder, ISA, ISA.lanes)
        s, w, t = (
            fields(context, builder, *pair) for pair in zip((source, block, target), arguments, strict=False)
        )
        counts = None if count == types.none else fields(context, builder, count, arguments[4])
        beginning = first_sums(v, w, registers, floats)
        columns = target_columns(v, t, registers, kinds)
        with v.loop(index(0), v.at(s.last, 1), ISA.rows) as p:
            positions = [v.smaller(v.at(p, m), s.last) for m in range(ISA.rows)]
            windows = [
                v.at(s.data, s.start, v.load(v.item(s.rows, position, 8), I64)) for position in positions
            ]
            sums = [[v.variable(x) for x in beginning] for _ in windows]
            with v.loop(*w.dots) as k:
                _add_products(v, s, w, k, windows, sums, v.multiply_add if floats else v.dot)
            if not floats:
                for rows in (slice(0, HALF), slice(HALF, ISA.rows)):
                    if not ISA.has_dot:
                        with v.loop(w.couples[0], w.couples[1], 2) as k:
                            _add_couples(v, s, w, k, windows[rows], sums[rows])
                    with v.loop(*w.pairs) as k:
                        if counts is None:
                            _add_pairs(v, s, w, k, windows[rows], sums[rows], exact=False)
                        else:
                            first, stop = v.at(p, rows.start), v.smaller(v.at(p, rows.stop), v.at(s.last, 1))
                            _count_pairs(
                                v,
                                s,
                                w,
                                k,
                                windows[rows],
                                sums[rows],
                                (first, stop),
                                columns,
                                counts,
                                exact=not clips,
                            )
            starts = [place_of(v, t, position) for position in positions]
            store(v, t, columns, starts, [[v.get(total) for total in row] for row in sums], kinds)
        return context.get_dummy_value()

    return types.void(source, block, target, vectors, count, saturating), generate


def first_sums(v: Vectors, w: SimpleNamespace, count: int, floats: bool) -> list[Any]:
    """What the sums of one position begin with: zero, or minus the zero point times the sum of the weights
    (3).
    """
    if floats:
        return [v.constant(v.float32, 0.0)] * count
    zero_point = v.splat(v.builder.neg(v.builder.trunc(w.zero_point, I32)))
    sums = [v.load(v.item(w.sums, v.at(w.sums_start, i * v.lanes), 4), v.int32) for i in range(count)]
    return [v.builder.mul(zero_point, total) for total in sums]


def _add_products(
    v: Vectors,
    s: SimpleNamespace,
    w: SimpleNamespace,
    k: Any,
    windows: list[Any],
    sums: list[list[Any]],
    add: Any,
) -> None:
    """sums[m][i] = add(sums[m][i], word k of window m, word k of the weights of vector i)"""
    kind = v.float32 if add == v.multiply_add else v.int32
    offset = _offset(v, s, w, k)
    weights = [_weights(v, w, k, i, len(sums[0]), kind) for i in range(len(sums[0]))]
    for window, row in zip(windows, sums, strict=True):
        word = v.splat(v.load(v.at(window, offset), kind.element))
        for total, weight in zip(row, weights, strict=True):
            v.set(total, add(v.get(total), word, weight))


def _offset(v: Vectors, s: SimpleNamespace, w: SimpleNamespace, k: Any) -> Any:
    """Where word k of the block lies in a window."""
    return v.load(v.item(s.offsets, v.load(v.item(w.order, v.at(w.order_start, k), 8), I64), 8), I64)


def _weights(
    v: Vectors, w: SimpleNamespace, k: Any, register: int, registers: int, kind: ir.VectorType
) -> Any:
    """Word k of the channels of a register."""
    begin = v.at(
        v.item(w.values, w.start, 4 if kind == v.float32 else 1),
        v.builder.mul(k, I64(4 * v.lanes * registers)),
    )
    return v.load(v.at(begin, 4 * v.lanes * register), kind)


def _add_couples(
    v: Vectors, s: SimpleNamespace, w: SimpleNamespace, k: Any, windows: list[Any], sums: list[list[Any]]
) -> None:
    """Words k and k + 1, whose pair sums are added before they are widened."""
    words = [
        (_offset(v, s, w, k), [_weights(v, w, k, i, len(sums[0]), v.int32) for i in range(len(sums[0]))])
        for k in (k, v.at(k, 1))
    ]
    for window, row in zip(windows, sums, strict=True):
        codes = [v.splat(v.load(v.at(window, offset), I32)) for offset, _ in words]
        for i, total in enumerate(row):
            first, second = (
                v.pairs(code, weights[i]) for code, (_, weights) in zip(codes, words, strict=True)
            )
            v.set(total, v.add_pairs(v.get(total), v.builder.add(first, second)))


def _add_pairs(
    v: Vectors,
    s: SimpleNamespace,
    w: SimpleNamespace,
    k: Any,
    windows: list[Any],
    sums: list[list[Any]],
    *,
    exact: bool,
) -> Any:
    """A word whose pairs may clip; exact: as if they did not. Returns whether a pair sum reached a limit of
    16 bits.
    """
    highest = lowest = v.constant(v.int16, 0)

    def add(total: Any, codes: Any, weights: Any) -> Any:
        nonlocal highest, lowest
        pairs = v.pairs(codes, weights)
        highest, lowest = v.larger(highest, pairs), v.smaller(lowest, pairs)
        return v.dot(total, codes, weights) if exact else v.add_pairs(total, pairs)

    _add_products(v, s, w, k, windows, sums, add)
    return v.at_a_limit(highest, lowest)


def _count_pairs(
    v: Vectors,
    s: SimpleNamespace,
    w: SimpleNamespace,
    k: Any,
    windows: list[Any],
    sums: list[list[Any]],
    positions: tuple[Any, Any],
    columns: list[Any],
    counts: SimpleNamespace,
    *,
    exact: bool,
) -> None:
    """_add_pairs and its counting, as a rule by a look at the codes alone: they are seldom so large."""
    with v.builder.if_else(_may_clip(v, s, w, k, windows)) as (may, cannot):
        with may:
            touched = _add_pairs(v, s, w, k, windows, sums, exact=exact)
            with v.builder.if_then(touched, likely=False):
                _count_word(v, s, w, k, positions, columns, counts)
        with cannot:
            _add_products(v, s, w, k, windows, sums, v.dot)


def _may_clip(v: Vectors, s: SimpleNamespace, w: SimpleNamespace, k: Any, windows: list[Any]) -> Any:
    """Is any code of word k, in any of the windows, so large that a pair may clip? A bool."""
    offset = _offset(v, s, w, k)
    limit = v.load(v.at(w.limits, w.order_start, k), I8)
    largest = v.splat(v.builder.mul(v.builder.zext(limit, I32), I32(0x01010101)))  # in every byte
    return v.any_code_above([v.splat(v.load(v.at(window, offset), I32)) for window in windows], largest)


def _count_word(
    v: Vectors,
    s: SimpleNamespace,
    w: SimpleNamespace,
    k: Any,
    positions: tuple[Any, Any],
    columns: list[Any],
    counts: SimpleNamespace,
) -> None:
    """Adds to the counts the pair sums of word k that clip at positions first .. stop, and lifts the overflow
    to the worst miss.
    """
    builder, wide = v.builder, ir.VectorType(I64, v.lanes)
    offset = _offset(v, s, w, k)
    for i, column in enumerate(columns):
        weights = _weights(v, w, k, i, len(columns), v.int32)
        count, worst = v.variable(v.constant(v.int32, 0)), v.variable(v.constant(v.int32, 0))
        with v.loop(*positions) as position:
            window = v.at(s.data, s.start, v.load(v.item(s.rows, position, 8), I64))
            word = v.splat(v.load(v.at(window, offset), I32))
            for pair in v.exact_pairs(word, weights):
                low, high = v.constant(v.int32, INT16_MIN), v.constant(v.int32, INT16_MAX)
                miss = v.larger(builder.sub(pair, high), builder.sub(low, pair))
                clips = builder.icmp_signed(">", miss, v.constant(v.int32, 0))
                v.set(count, builder.add(v.get(count), builder.zext(clips, v.int32)))
                v.set(worst, v.larger(v.get(worst), miss))
        for array, found, combine in ((counts.pairs, count, builder.add), (counts.overflow, worst, v.larger)):
            place = v.item(array, column.channel, 8)
            before = v.load_lanes(place, wide, column.mask)
            v.store_lanes(combine(before, builder.sext(v.get(found), wide)), place, column.mask)
