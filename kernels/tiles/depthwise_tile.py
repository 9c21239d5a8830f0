"""The depthwise tile: a few output positions times 4 registers of channels, all taps, from codes to stored
results.

Every channel has its own sum, so nothing can be broadcast. Instead the codes of four taps are interleaved
byte by byte: then each lane holds what one channel sees at four taps, which is what the dot product wants:

    tap 0   a0 a1 a2 a3 ...
    tap 1   b0 b1 b2 b3 ...    ->   a0 b0 c0 d0 | a1 b1 c1 d1 | a2 b2 c2 d2 | ...
    tap 2   c0 c1 c2 c3 ...
    tap 3   d0 d1 d2 d3 ...

Along a line, the taps of neighbouring positions are largely the same pixels. So where the stride is 1, a word
is four pixels of one line, interleaved once, and each of the `together` positions that see some of them has
its own copy of the weights, shifted:

    position 0   w0 w1 w2 0
    position 1   0  w0 w1 w2

Interleaving works within 128 bits, so the channels come out in another order. Weights are packed in that
order (`channel_order`), and the sums are put back (`_in_channel_order`). float32 needs none of this: it
multiplies one tap at a time.
"""

from functools import partial
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import types

from ..codegen.isa import ISA
from ..codegen.vectors import I64, Vectors, fields, instructions
from ..reference import Array
from .epilogue_codegen import Types, place_of, store, target_columns

POSITIONS = max(ISA.lanes // 8, 1)  # of a tile; two where there are 32 registers


class ChannelBlock(NamedTuple):
    """The weights of 4*lanes channels."""

    values: Array  # s8 or f32, flat
    start: int  # of the block in values
    words: int  # four taps of s8, or one of f32
    width: int  # positions of a line, where several are computed together
    initial: Array  # (C,) s32: what is added to sums of integers


def channel_order(lanes: int) -> Array:
    """(4, lanes): the channel in each lane of the four registers that interleaving makes."""
    i, part, e = np.ogrid[:4, : lanes // 4, :4]
    return (16 * part + 4 * i + e).reshape(4, lanes)


@instructions
def depthwise_tiles(_: Any, source: Any, block: Any, target: Any, lanes: Any, together: Any) -> Any:
    """All positions of the source; lanes of a register, and how many positions of a line are computed
    together: constants.

    together = 1, and float32 always: POSITIONS at a time, wherever they are (the last one again where there
    are no more). Otherwise the last ones of a line may be computed twice.
    """
    floats, kinds, shared = block.types[0].dtype == types.float32, Types(target), together.literal_value

    def generate(context: Any, builder: ir.IRBuilder, _: Any, arguments: Any) -> Any:
        v = Vectors(builder, ISA, lanes.literal_value)
        s, w, t = (
            fields(context, builder, *pair) for pair in zip((source, block, target), arguments, strict=False)
        )
        # then narrowing to bytes brings the channels back in order
        packed = kinds.are_packed(v) and not floats
        columns = target_columns(v, t, 4, kinds, order=partial(_interleaved_order, v) if packed else None)
        initial = [v.load_lanes(v.item(w.initial, c.channel, 4), v.int32, c.mask) for c in columns]
        if packed:
            initial = _interleaved_order(v, initial)
        beginning = initial if packed else [v.constant(v.float32 if floats else v.int32, 0)] * 4

        def tile(positions: list[Any], add: Any) -> None:
            windows = [
                v.at(s.data, s.start, v.load(v.item(s.rows, position, 8), I64)) for position in positions
            ]
            sums = [[v.variable(x) for x in beginning] for _ in windows]
            with v.loop(I64(0), w.words) as k:
                add(v, s, w, k, windows, sums)
            starts, rows = [place_of(v, t, position) for position in positions], []
            for row in sums:
                totals = [v.get(total) for total in row]
                if not floats and not packed:
                    totals = [
                        builder.add(*pair) for pair in zip(_in_channel_order(v, totals), initial, strict=True)
                    ]
                rows.append(totals)
            store(v, t, columns, starts, rows, kinds)

        if shared == 1:
            with v.loop(I64(0), v.at(s.last, 1), POSITIONS) as p:
                tile(
                    [v.smaller(v.at(p, m), s.last) for m in range(POSITIONS)],
                    _add_tap if floats else _add_four_taps,
                )
        elif not floats:
            lines = builder.sdiv(v.at(s.last, 1), w.width)
            with v.loop(I64(0), lines) as line, v.loop(I64(0), w.width, shared) as column:
                first = v.at(builder.mul(line, w.width), v.smaller(column, v.at(w.width, -shared)))
                tile([v.at(first, m) for m in range(shared)], _add_four_pixels)
        return context.get_dummy_value()

    return types.void(source, block, target, lanes, together), generate


def _weights(v: Vectors, w: SimpleNamespace, k: Any, kind: ir.VectorType, size: int) -> list[Any]:
    """The four registers of weights of word k; size: bytes of an element of w.values."""
    begin = v.at(v.item(w.values, w.start, size), v.builder.mul(k, I64(16 * v.lanes)))
    return [v.load(v.at(begin, 4 * v.lanes * i), kind) for i in range(4)]


def _add_tap(
    v: Vectors, s: SimpleNamespace, w: SimpleNamespace, k: Any, windows: list[Any], sums: list[list[Any]]
) -> None:
    offset, weights = v.load(v.item(s.offsets, k, 8), I64), _weights(v, w, k, v.float32, 4)
    for window, row in zip(windows, sums, strict=True):
        for i, (total, weight) in enumerate(zip(row, weights, strict=True)):
            x = v.load(v.at(window, offset, 4 * v.lanes * i), v.float32)
            v.set(total, v.multiply_add(v.get(total), x, weight))


def _add_four_taps(
    v: Vectors, s: SimpleNamespace, w: SimpleNamespace, k: Any, windows: list[Any], sums: list[list[Any]]
) -> None:
    places = v.item(s.offsets, k, 32)
    offsets, weights = [v.load(v.at(places, 8 * tap), I64) for tap in range(4)], _weights(v, w, k, v.int32, 1)
    for window, row in zip(windows, sums, strict=True):
        four = _interleaved(v, [v.load(v.at(window, offset), v.int8) for offset in offsets])
        for total, codes, weight in zip(row, four, weights, strict=True):
            v.set(total, v.dot(v.get(total), codes, weight))


def _add_four_pixels(
    v: Vectors, s: SimpleNamespace, w: SimpleNamespace, k: Any, windows: list[Any], sums: list[list[Any]]
) -> None:
    """Word k: four pixels of one line, as the first window sees them, for all positions."""
    places = v.item(s.offsets, k, 32)
    pixels = [v.load(v.at(windows[0], v.load(v.at(places, 8 * i), I64)), v.int8) for i in range(4)]
    four = _interleaved(v, pixels)
    for position, row in enumerate(sums):
        weights = _weights(v, w, v.at(v.builder.mul(k, I64(len(sums))), position), v.int32, 1)
        for total, codes, weight in zip(row, four, weights, strict=True):
            v.set(total, v.dot(v.get(total), codes, weight))


def _interleaved(v: Vectors, pixels: list[Any]) -> list[Any]:
    """Four registers of bytes -> four registers of words that hold one byte of each."""
    a, b, c, d = pixels
    two = v.interleave(a, b, 8), v.interleave(c, d, 8)
    return [half for low, high in zip(*two, strict=True) for half in v.interleave(low, high, 16)]


def _in_channel_order(v: Vectors, q: list[Any]) -> list[Any]:
    """Undoes `channel_order`, 128 bits at a time."""
    if v.lanes == 4:
        return q
    if v.lanes == 8:
        (n0, n2), (n1, n3) = v.riffle(q[0], q[1]), v.riffle(q[2], q[3])
        return [n0, n1, n2, n3]
    (a, b), (c, d) = v.riffle(q[0], q[2]), v.riffle(q[1], q[3])
    return [*v.riffle(a, c), *v.riffle(b, d)]


def _interleaved_order(v: Vectors, n: list[Any]) -> list[Any]:
    """Four registers of numbers, one a channel, in `channel_order`."""
    a, b, c, d = words = [v.builder.bitcast(x, v.int32) for x in n]
    # With 4 or 16 lanes what exchanges parts and registers is its own inverse.
    ordered = [*v.riffle(a, c), *v.riffle(b, d)] if v.lanes == 8 else _in_channel_order(v, words)
    return [v.builder.bitcast(x, n[0].type) for x in ordered]
