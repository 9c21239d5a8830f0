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


def pack_convolution(w: Array, groups: int = 1) -> PackedWeights:
    """(O,G,kh,kw) s8 -> PackedWeights."""
    out_channels, depth, kh, kw = w.shape
    if w.dtype != np.int8 or out_channels % groups:
        raise ValueError(f"weights: expected int8 (O,G,kh,kw) with O a multiple of {groups} groups, found {w.dtype.name} {w.shape}")
    columns = out_channels // groups
    rows = np.zeros((groups, round_up(columns, TILE), kh, kw, round_up(depth, 2)), np.int8)
    rows[:, :columns, :, :, :depth] = w.reshape(groups, columns, depth, kh, kw).transpose(0, 1, 3, 4, 2)
    rows = rows.reshape(groups, rows.shape[1], kh * kw * rows.shape[-1])
    return PackedWeights(rows, rows.sum(axis=-1, dtype=np.int32), columns, depth)


def pack_gemm(b: Array) -> PackedWeights:
    """(K,N) s8 -> PackedWeights."""
    return pack_convolution(b.T[:, :, None, None])
