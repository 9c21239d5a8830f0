"""The fast kernel in six rungs, each the same integer matrix product, (M,K) u8 @ (K,N) s8 -> (M,N) s32.

    python -m examples.ladder        prints how many billion operations a second each rung does, on one core

Every rung gives the integers of the first, which nobody optimises; the test throws random shapes at all of
them. The sixth rung is, but for tables that make convolutions of it and an epilogue that makes codes of its
sums, the tile of kernels/tiles/dense_tile.py (docs/kernels.md). It gives the sums of a CPU without the byte
dot product (docs/arithmetic.md), for a zero point z of 0:

    a = sum_i min(max(p_i, -32768), 32767) - z sum_k w_k                                             (6)

where p_i = q_2i w_2i + q_2i+1 w_2i+1 is the sum of two neighbouring products of codes q and weights w. A last
line runs the library's kernel itself, through its door for plain arrays, kernels/direct.py.
"""

from collections.abc import Callable
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from numba import types

from numpot.kernels import reference
from numpot.kernels.codegen.isa import ISA
from numpot.kernels.codegen.jit import kernel
from numpot.kernels.codegen.vectors import I32, I64, Vectors, instructions, part
from numpot.kernels.direct import gemm, pack_gemm
from numpot.kernels.layout.weight_packing import PackedWeights, aligned
from numpot.kernels.saturation import pairs_are_safe

Array = np.ndarray[Any, Any]
ROWS, COLUMNS = ISA.rows, ISA.vectors * ISA.lanes  # of a tile


# ---- 1. what it means --------------------------------------------------------------------------------------


def definition(a: Array, b: Array) -> Array:
    """NumPy's integer product: correct, and as slow as three loops, because no vendor's library does integers
    for it.
    """
    return reference.gemm_exact(a, b, 0)


# ---- 2. three loops ----------------------------------------------------------------------------------------


@kernel
def three_loops(a: Array, b: Array) -> Array:
    """The same as machine code. b is read down its columns, N bytes from one element to the next: a cache
    line for every byte.
    """
    out = np.empty((a.shape[0], b.shape[1]), np.int32)
    for m in range(a.shape[0]):
        for n in range(b.shape[1]):
            total = np.int32(0)
            for k in range(a.shape[1]):
                # numba makes int64 of a sum otherwise
                total = np.int32(total + np.int32(a[m, k]) * np.int32(b[k, n]))
            out[m, n] = total
    return out


# ---- 3. along memory, and every byte used twice ------------------------------------------------------------


def transpose(b: Array) -> Array:
    """(K,N) -> (N',K), N' even."""
    return fill(np.ascontiguousarray(b.T), 2, 1)


def fill(x: Array, rows: int, columns: int) -> Array:
    """Zeros below and to the right, up to multiples of rows and columns."""
    return np.pad(x, ((0, -len(x) % rows), (0, -x.shape[1] % columns)))


def blocked(a: Array, bt: Array) -> Array:
    """Both operands are read along memory, which lets LLVM use vectors. Four sums at a time halve the
    reading.
    """
    return _blocked(fill(a, 2, 1), bt)


@kernel
def _blocked(a: Array, bt: Array) -> Array:
    out = np.empty((len(a), len(bt)), np.int32)
    for m in range(0, len(a), 2):
        for n in range(0, len(bt), 2):
            a0, a1, b0, b1 = a[m], a[m + 1], bt[n], bt[n + 1]
            s00 = s01 = s10 = s11 = np.int32(0)
            for k in range(len(a0)):
                s00 = np.int32(s00 + np.int32(a0[k]) * np.int32(b0[k]))
                s01 = np.int32(s01 + np.int32(a0[k]) * np.int32(b1[k]))
                s10 = np.int32(s10 + np.int32(a1[k]) * np.int32(b0[k]))
                s11 = np.int32(s11 + np.int32(a1[k]) * np.int32(b1[k]))
            out[m, n], out[m, n + 1], out[m + 1, n], out[m + 1, n + 1] = s00, s01, s10, s11
    return out


# ---- 4. words of four --------------------------------------------------------------------------------------


def pack(b: Array) -> Array:
    """(K,N) s8 -> (N/COLUMNS, K/4, COLUMNS, 4) s8: a word is four k of one column, the words of a tile's
    columns lie side by side.
    """
    filled = fill(b, 4, COLUMNS)
    words = filled.reshape(len(filled) // 4, 4, -1, COLUMNS).transpose(2, 0, 3, 1)
    packed = aligned(words.shape, np.int8)
    packed[:] = words
    return packed


def packed_words(a: Array, words: Array) -> Array:
    """What the byte dot product of the processor wants: four neighbouring products into one sum. LLVM does
    not see it, and this rung leads down. The layout is right all the same.
    """
    return _packed_words(fill(a, 1, 4), words)


@kernel
def _packed_words(a: Array, words: Array) -> Array:
    blocks, depth, columns, _ = words.shape
    out = np.empty((len(a), blocks * columns), np.int32)
    for m in range(len(a)):
        for j in range(blocks):
            sums = np.zeros(columns, np.int32)
            for k in range(depth):
                for n in range(columns):
                    for i in range(4):
                        sums[n] += np.int32(a[m, 4 * k + i]) * np.int32(words[j, k, n, i])
            out[m, j * columns : (j + 1) * columns] = sums
    return out


# ---- 5. the register tile ----------------------------------------------------------------------------------


@instructions
def tile(
    _: Any, a: Any, pitch: Any, words: Any, order: Any, dots: Any, count: Any, out: Any, width: Any
) -> Any:
    """ROWS rows of a times one block of words -> as many rows of out. The instructions are written here,
    Python loops are the unrolling.

    Word number i of the block meets word order[i] of a row. The first `dots` of `count` words take the exact
    instruction, the others the one that clips sums of two products to 16 bits. pitch, width: from one row to
    the next, in bytes of a and elements of out.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        v = Vectors(builder, ISA, ISA.lanes)
        a, pitch, words, order, dots, count, out, width = (
            part(context, builder, kind, value) for kind, value in zip(signature.args, arguments, strict=True)
        )
        rows = [v.at(a, builder.mul(pitch, I64(row))) for row in range(ROWS)]
        # in registers until the end
        sums = [[v.variable(v.constant(v.int32, 0)) for _ in range(ISA.vectors)] for _ in rows]

        def add_products(i: Any, add: Callable[[Any, Any, Any], Any]) -> None:
            offset = builder.mul(v.load(v.item(order, i, 8), I64), I64(4))
            begin = v.at(words, builder.mul(i, I64(4 * COLUMNS)))
            weights = [v.load(v.at(begin, 4 * ISA.lanes * vector), v.int32) for vector in range(ISA.vectors)]
            for row, totals in zip(rows, sums, strict=True):
                codes = v.splat(v.load(v.at(row, offset), I32))  # four codes, in every lane
                for total, weight in zip(totals, weights, strict=True):
                    v.set(total, add(v.get(total), codes, weight))

        with v.loop(I64(0), dots) as i:
            add_products(i, v.dot)
        with v.loop(dots, count) as i:
            add_products(i, lambda total, codes, weight: v.add_pairs(total, v.pairs(codes, weight)))
        for row, totals in enumerate(sums):
            for vector, total in enumerate(totals):
                element = v.at(builder.mul(width, I64(row)), vector * ISA.lanes)
                v.store(v.get(total), v.item(out, element, 4))
        return context.get_dummy_value()

    return types.void(a, types.int64, words, order, types.int64, types.int64, out, types.int64), generate


@kernel
def _tiles(a: Array, words: Array, order: Array, dots: Array) -> Array:
    blocks, depth, columns, _ = words.shape
    out = np.empty((len(a), blocks * columns), np.int32)
    for j in range(blocks):
        for m in range(0, len(a), ROWS):
            tile(a[m:], a.shape[1], words[j], order[j], dots[j], depth, out[m:, j * columns :], out.shape[1])
    return out


def register_tile(a: Array, words: Array) -> Array:
    """Sums stay in registers for all k, and one load of weights serves every row of the tile."""
    blocks, depth = words.shape[:2]
    return _tiles(fill(a, ROWS, 4), words, np.tile(np.arange(depth), (blocks, 1)), np.full(blocks, depth))


# ---- 6. what a CPU without the byte dot product computes ---------------------------------------------------


def pack_safe_first(b: Array) -> tuple[Array, Array, Array]:
    """As `pack`, but in every block the words whose pairs cannot clip (numpot.kernels.saturation) come first;
    (words, their order, how many are safe).
    """
    words = pack(b)
    safe = pairs_are_safe(words).all(axis=(2, 3))  # (blocks, K/4)
    order = np.argsort(~safe, axis=1, kind="stable")
    words[:] = np.take_along_axis(words, order[:, :, None, None], axis=1)
    return words, order, safe.sum(axis=1)


def saturating(a: Array, packed: tuple[Array, Array, Array]) -> Array:
    """Pairs of products clip to 16 bits (6). Sums of integers do not care for order: the safe words take
    the exact instruction.
    """
    return _tiles(fill(a, ROWS, 4), *packed)


# ---- 7. the kernel of the library, for comparison ----------------------------------------------------------


def library(a: Array, packed: PackedWeights) -> Array:
    """What models run: the same tile, over strips of positions that stay in the cache."""
    out = np.empty((len(a), packed.columns), np.int32)
    gemm(a, packed, 0, out)
    return out


class Rung(NamedTuple):
    """multiply(a, pack(b)) is the product, in its first M rows and N columns. Weights are packed once, when a
    model is loaded.
    """

    multiply: Callable[[Array, Any], Array]
    pack: Callable[[Array], Any] = np.asarray
    means: Callable[[Array, Array, int], Array] = reference.gemm_exact


RUNGS = [
    Rung(definition),
    Rung(three_loops),
    Rung(blocked, transpose),
    Rung(packed_words, pack),
    Rung(register_tile, pack),
    Rung(saturating, pack_safe_first, reference.gemm_saturating),
    Rung(library, pack_gemm),
]


def main(M: int = 784, K: int = 1152, N: int = 128) -> None:
    rng = np.random.default_rng(0)
    a = rng.integers(0, 256, (M, K), np.uint8)
    # as weights usually are: few are large
    b = np.clip(np.rint(25 * rng.standard_normal((K, N))), -127, 127).astype(np.int8)
    print(f"({M},{K}) u8 @ ({K},{N}) s8 -> s32, one core, {ISA.name}")
    for number, rung in enumerate(RUNGS, 1):
        packed = rung.pack(b)
        # compiles it, too
        np.testing.assert_array_equal(rung.multiply(a, packed)[:M, :N], rung.means(a, b, 0))
        seconds = min(_time(rung, a, packed) for _ in range(3 if number < 5 else 100))
        print(f"{number}. {rung.multiply.__name__:14} {2 * M * K * N / seconds / 1e9:7.1f} GOPS")


def _time(rung: Rung, a: Array, packed: Any) -> float:
    start = perf_counter()
    rung.multiply(a, packed)
    return perf_counter() - start


if __name__ == "__main__":
    main()
