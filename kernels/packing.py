"""Weights in the order the inner loops read them; done once, when a model is loaded."""

from typing import NamedTuple

import numpy as np

from .reference import Array

TILE = 4  # columns an inner loop computes together


class PackedWeights(NamedTuple):
    """Weights of a convolution or GEMM: for each group one row an output channel, taps outermost, channels of a tap side by side.

    Channels of a tap are filled up to an even number, output channels of a group to a multiple of TILE, both with zeros.
    """

    rows: Array  # (groups, N', K') s8
    sums: Array  # (groups, N') s32, of each row: what a zero point multiplies (eq. 3)
    columns: int  # output channels of a group, N <= N'
    depth: int  # input channels of a group


def round_up(n: int, multiple: int) -> int:
    return -(-n // multiple) * multiple


def split_groups(w: Array, groups: int, dtype: type[np.generic]) -> Array:
    """(O,G,kh,kw) -> (groups,O/groups,kh,kw,G), same dtype. Raises ValueError for another dtype or an O that is no multiple of groups."""
    if w.dtype != dtype or w.ndim != 4 or len(w) % groups:
        name = np.dtype(dtype).name
        raise ValueError(f"weights: expected {name} (O,G,kh,kw) with O a multiple of {groups} groups, found {w.dtype.name} {w.shape}")
    return w.reshape(groups, len(w) // groups, *w.shape[1:]).transpose(0, 1, 3, 4, 2)


def pack_convolution(w: Array, groups: int = 1) -> PackedWeights:
    """(O,G,kh,kw) s8 -> PackedWeights. Raises ValueError for weights of another type or shape."""
    taps = split_groups(w, groups, np.int8)
    _, columns, kh, kw, depth = taps.shape
    rows = np.zeros((groups, round_up(columns, TILE), kh, kw, round_up(depth, 2)), np.int8)
    rows[:, :columns, :, :, :depth] = taps
    rows = rows.reshape(groups, rows.shape[1], kh * kw * rows.shape[-1])
    return PackedWeights(rows, rows.sum(axis=-1, dtype=np.int32), columns, depth)


def pack_gemm(b: Array) -> PackedWeights:
    """(K,N) s8 -> PackedWeights."""
    return pack_convolution(b.T[:, :, None, None])
