"""The inner loops of int8 arithmetic: rows of activation codes times rows of weights, over K that lies contiguous in both.

Written in the one form that LLVM turns into dot-product instructions: a small square of int32 sums that stay in registers while k
runs. Sizes need no remainders: at the lower edge the last row is computed again, on the right edge weights are filled up with zeros.
Numba widens int32 arithmetic to int64, hence an int32(...) around every step.
"""

import numpy as np

from .jit import kernel
from .reference import INT16_MAX, INT16_MIN, Array

LOWEST, HIGHEST = np.int32(INT16_MIN), np.int32(INT16_MAX)


@kernel
def multiply_exact(a: Array, w: Array, offsets: Array, acc: Array) -> None:
    """(M,K) u8, (N,K) s8 with N a multiple of 4, (N,) s32 -> acc (M,N) s32 = a @ w.T - offsets (eq. 3)."""
    M, N = acc.shape
    for j in range(0, N, 4):
        w0, w1, w2, w3 = w[j], w[j + 1], w[j + 2], w[j + 3]
        o0, o1, o2, o3 = -offsets[j], -offsets[j + 1], -offsets[j + 2], -offsets[j + 3]
        for i in range(0, M, 4):
            i1, i2, i3 = min(i + 1, M - 1), min(i + 2, M - 1), min(i + 3, M - 1)
            a0, a1, a2, a3 = a[i], a[i1], a[i2], a[i3]
            s00 = s10 = s20 = s30 = np.int32(o0)
            s01 = s11 = s21 = s31 = np.int32(o1)
            s02 = s12 = s22 = s32 = np.int32(o2)
            s03 = s13 = s23 = s33 = np.int32(o3)
            for k in range(w.shape[1]):
                x0, x1, x2, x3 = np.int32(a0[k]), np.int32(a1[k]), np.int32(a2[k]), np.int32(a3[k])
                y0, y1, y2, y3 = np.int32(w0[k]), np.int32(w1[k]), np.int32(w2[k]), np.int32(w3[k])
                s00, s01, s02, s03 = np.int32(s00 + x0 * y0), np.int32(s01 + x0 * y1), np.int32(s02 + x0 * y2), np.int32(s03 + x0 * y3)
                s10, s11, s12, s13 = np.int32(s10 + x1 * y0), np.int32(s11 + x1 * y1), np.int32(s12 + x1 * y2), np.int32(s13 + x1 * y3)
                s20, s21, s22, s23 = np.int32(s20 + x2 * y0), np.int32(s21 + x2 * y1), np.int32(s22 + x2 * y2), np.int32(s23 + x2 * y3)
                s30, s31, s32, s33 = np.int32(s30 + x3 * y0), np.int32(s31 + x3 * y1), np.int32(s32 + x3 * y2), np.int32(s33 + x3 * y3)
            acc[i, j], acc[i, j + 1], acc[i, j + 2], acc[i, j + 3] = s00, s01, s02, s03
            acc[i1, j], acc[i1, j + 1], acc[i1, j + 2], acc[i1, j + 3] = s10, s11, s12, s13
            acc[i2, j], acc[i2, j + 1], acc[i2, j + 2], acc[i2, j + 3] = s20, s21, s22, s23
            acc[i3, j], acc[i3, j + 1], acc[i3, j + 2], acc[i3, j + 3] = s30, s31, s32, s33


@kernel
def pair_sum(a: Array, w: Array, k: int) -> np.int32:
    """Products k and k+1 of two rows, added in s32 (eq. 5)."""
    return np.int32(np.int32(a[k]) * np.int32(w[k]) + np.int32(a[k + 1]) * np.int32(w[k + 1]))


@kernel
def clipped(pair: np.int32) -> np.int32:
    """A pair sum as 16 bits hold it (eq. 6)."""
    return np.int32(min(max(pair, LOWEST), HIGHEST))


@kernel
def multiply_saturating(a: Array, w: Array, offsets: Array, acc: Array) -> None:
    """(M,K) u8, (N,K) s8 with K and N even, (N,) s32 -> acc (M,N) s32, pairs clipped (eq. 6)."""
    M, N = acc.shape
    for j in range(0, N, 2):
        w0, w1 = w[j], w[j + 1]
        for i in range(0, M, 2):
            i1 = min(i + 1, M - 1)
            a0, a1 = a[i], a[i1]
            s00 = s10 = np.int32(-offsets[j])
            s01 = s11 = np.int32(-offsets[j + 1])
            for pair in range(w.shape[1] // 2):
                k = 2 * pair
                s00, s01 = np.int32(s00 + clipped(pair_sum(a0, w0, k))), np.int32(s01 + clipped(pair_sum(a0, w1, k)))
                s10, s11 = np.int32(s10 + clipped(pair_sum(a1, w0, k))), np.int32(s11 + clipped(pair_sum(a1, w1, k)))
            acc[i, j], acc[i, j + 1] = s00, s01
            acc[i1, j], acc[i1, j + 1] = s10, s11


@kernel
def count_clipped(a: Array, w: Array, pairs: Array, overflow: Array) -> None:
    """(M,K) u8, (>=N,K) s8: adds to pairs (N,) s64 the sums that clip, lifts overflow (N,) s64 to the worst miss."""
    for j in range(len(pairs)):
        weights = w[j]
        for i in range(len(a)):
            row = a[i]
            count = worst = np.int32(0)
            for pair in range(w.shape[1] // 2):
                total = pair_sum(row, weights, 2 * pair)
                miss = np.int32(abs(np.int32(total - clipped(total))))
                count = np.int32(count + np.int32(miss > 0))
                worst = max(worst, miss)
            pairs[j] += count
            overflow[j] = max(overflow[j], worst)
