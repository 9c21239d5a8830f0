"""Weights in the order the tiles read them; done once, when a model is loaded (docs/kernels.md, "The
layout").

    (O,G,kh,kw)  ->  words of four s8 or one f32, side by side in a tap (zeros fill the last word of a tap)
                 ->  blocks of TILE_COLUMNS output channels; in a block, word after word:

               channel 0     channel 1     channel 2               channel `lanes`
    a word     k4 k5 k6 k7 | k4 k5 k6 k7 | k4 k5 k6 k7 | ...    || k4 k5 k6 k7 | ...    no pair of it clips
    ...
    a word     k0 k1 k2 k3 | k0 k1 k2 k3 | k0 k1 k2 k3 | ...    || k0 k1 k2 k3 | ...    a pair may clip
               one register: `lanes` words                         the next register

For AMX a word is 64 codes, 16 groups of four: (16, channels, 4), the 16 rows of two tile registers.
"""

from typing import Any, NamedTuple

import numpy as np

from ..codegen.isa import ISA
from ..reference import Array
from ..saturation import largest_safe_codes, pairs_are_safe, sums_of_two_are_safe

TILE_COLUMNS = ISA.vectors * ISA.lanes
AMX_WORD = 64  # codes


class PackedWeights(NamedTuple):
    """Weights of a convolution or GEMM, s8 or f32, cut into blocks of TILE_COLUMNS output channels.

    k runs over K = kh*kw*D places, D the channels of a tap filled up with zeros to whole words: four s8 or
    one f32. In a block the words that can never make a pair clip come first, so that one run of
    instructions does all of them. Sums of integers do not care.
    """

    values: Array  # (groups, K*N') s8 or f32; a block lies as (words, columns, elements of a word)
    order: Array  # (groups, blocks, words) s64: which word of a window meets each word of the block
    safe: Array  # (groups, blocks) s64: how many words come first because they are safe
    # (groups, blocks) s64: how many of those come first, as two can be added in 16 bits before they are
    # widened
    coupled: Array
    limits: Array  # (groups, blocks, words) u8: no pair of a word clips as long as its codes are at most this
    sums: Array  # (groups, N') s32, of each output channel: what a zero point multiplies
    columns: int  # output channels of a group, N <= N', N' a multiple of the lanes of a register
    depth: int  # input channels of a group
    products: int  # K
    word: int = 4  # bytes of a word
    runs: int = 1  # of bytes side by side in a window: its taps, its lines, or blocks of a tap
    block: int = 0  # products of a run, where a tap is cut into runs


def aligned(shape: int | tuple[int, ...], dtype: Any) -> Array:
    """Zeros that begin where a cache line begins: a register loaded from two lines takes twice as long."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    memory = np.zeros(size + 64, np.uint8)
    start = -memory.ctypes.data % 64
    return memory[start : start + size].view(dtype).reshape(shape)


def round_up(n: int, multiple: int) -> int:
    return -(-n // multiple) * multiple


def split_groups(w: Array, groups: int, dtype: type[np.generic]) -> Array:
    """(O,G,kh,kw) -> (groups,O/groups,kh*kw,G), same dtype. Raises ValueError for another dtype or an O that
    is no multiple of groups.
    """
    if w.dtype != dtype or w.ndim != 4 or len(w) % groups:
        name = np.dtype(dtype).name
        raise ValueError(
            f"weights: expected {name} (O,G,kh,kw) with O a multiple of {groups} groups, found "
            f"{w.dtype.name} {w.shape}"
        )
    out_channels, depth, kh, kw = w.shape
    return w.reshape(groups, out_channels // groups, depth, kh * kw).swapaxes(2, 3)


def pack_convolution(w: Array, groups: int = 1, block: int = 0) -> PackedWeights:
    """(O,G,kh,kw) s8 -> PackedWeights. block: of a 1x1 kernel, as in `direct.pack_gemm`.

    Raises ValueError for weights that do not fit.
    """
    taps = split_groups(w, groups, np.int8)
    if not block:
        return pack_taps(taps)
    *lines, taps_, depth = taps.shape
    if taps_ != 1:
        raise ValueError(f"weights: blocks of products are those of a 1x1 kernel, found {w.shape}")
    blocks = np.pad(taps, ((0, 0), (0, 0), (0, 0), (0, -depth % block))).reshape(
        *lines, -(-depth // block), block
    )
    return pack_taps(blocks)._replace(depth=depth, block=block)


def pack_float_convolution(w: Array, groups: int = 1) -> PackedWeights:
    """(O,G,kh,kw) f32 -> PackedWeights. Raises ValueError for weights of another type or shape."""
    return pack_taps(split_groups(w, groups, np.float32))


def pack_float_matmul(b: Array) -> PackedWeights:
    """(K,N) f32 -> PackedWeights. Raises ValueError for weights of another type."""
    return pack_float_convolution(b.T[:, :, None, None])


def pack_taps(taps: Array) -> PackedWeights:
    """(groups,N,kh*kw,G) s8 or f32 -> PackedWeights."""
    groups, columns, positions, depth = taps.shape
    word = 4 // taps.itemsize
    padded = np.zeros((groups, round_up(columns, ISA.lanes), positions, round_up(depth, word)), taps.dtype)
    padded[:, :columns, :, :depth] = taps
    words = padded.reshape(groups, padded.shape[1], positions * padded.shape[3] // word, word)
    starts = range(0, words.shape[1], TILE_COLUMNS)
    order, safe = (
        np.zeros((groups, len(starts), words.shape[2]), np.int64),
        np.zeros((groups, len(starts)), np.int64),
    )
    coupled, limits = np.zeros_like(safe), np.full(order.shape, 255, np.uint8)
    values = aligned((groups, padded[0].size), taps.dtype)
    for g in range(groups):
        for block, start in enumerate(starts):
            columns_of_block = words[g, start : start + TILE_COLUMNS]
            order[g, block], safe[g, block], coupled[g, block] = _safe_first(columns_of_block)
            if word == 4:
                limits[g, block] = largest_safe_codes(columns_of_block[:, order[g, block]]).min(axis=(0, 2))
            first = start * words.shape[2] * word
            values[g, first : first + columns_of_block.size] = (
                columns_of_block[:, order[g, block]].swapaxes(0, 1).ravel()
            )
    sums = (
        padded.sum(axis=(2, 3), dtype=np.int32)
        if taps.dtype == np.int8
        else np.zeros(padded.shape[:2], np.int32)
    )
    return PackedWeights(
        values, order, safe, coupled, limits, sums, columns, depth, words.shape[2] * word, runs=positions
    )


def pack_for_amx(w: Array, groups: int = 1, *, dilated: bool = False) -> PackedWeights:
    """(O,G,kh,kw) s8 -> PackedWeights in words of 64 codes, for exact sums. dilated: are there gaps between
    the taps of a line?

    A block lies as (words, 16, columns, 4): a word is what one product of tiles takes. Codes behind the end
    of a run meet zeros.
    """
    taps = split_groups(w, groups, np.int8)
    _, columns, positions, depth = taps.shape
    runs, products = runs_of(w.shape[2:], depth, groups, dilated)
    taps = taps.reshape(groups, columns, runs, positions // runs * depth)
    padded = np.zeros((groups, round_up(columns, ISA.lanes), runs, products // runs), np.int8)
    padded[:, :columns, :, : taps.shape[3]] = taps
    fours = padded.reshape(groups, padded.shape[1], products // 4, 4)
    values = aligned((groups, padded[0].size), np.int8)
    starts = range(0, padded.shape[1], TILE_COLUMNS)
    for start in starts:
        block = fours[:, start : start + TILE_COLUMNS].swapaxes(1, 2)
        values[:, start * fours[0, 0].size :][:, : block[0].size] = block.reshape(groups, block[0].size)
    words = products // AMX_WORD
    order = np.broadcast_to(np.arange(words), (groups, len(starts), words)).copy()
    sums = padded.sum(axis=(2, 3), dtype=np.int32)
    safe, limits = np.full(order.shape[:2], words), np.full(order.shape, 255, np.uint8)
    return PackedWeights(
        values, order, safe, np.zeros_like(safe), limits, sums, columns, depth, products, AMX_WORD, runs
    )


def runs_of(kernel: tuple[int, ...], depth: int, groups: int, dilated: bool) -> tuple[int, int]:
    """How many runs of codes side by side a window has, and K, each run filled up to whole words of
    AMX.

    A line is one run, unless something lies between its taps. depth: channels of a tap.
    """
    taps = kernel[0] * kernel[1]
    runs = kernel[0] if groups == 1 and not dilated else taps
    return runs, runs * round_up(taps // runs * depth, AMX_WORD)


def _safe_first(words: Array) -> tuple[Array, int, int]:
    """(N,words,4) s8 -> an order of the words, those safe in every column first, how many, and how many of
    them come in couples.

    float32 words keep their order.
    """
    if words.dtype != np.int8:
        return np.arange(words.shape[1]), 0, 0
    is_safe = pairs_are_safe(words).all(axis=(0, 2))
    safe, others = np.flatnonzero(is_safe), np.flatnonzero(~is_safe)
    couples, left = safe[: len(safe) // 2 * 2].reshape(-1, 2), safe[len(safe) // 2 * 2 :]
    fit = sums_of_two_are_safe(words[:, couples[:, 0]], words[:, couples[:, 1]]).all(axis=(0, 2))
    return (
        np.concatenate([couples[fit].ravel(), couples[~fit].ravel(), left, others]),
        len(safe),
        2 * int(fit.sum()),
    )
