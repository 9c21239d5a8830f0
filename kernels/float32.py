"""float32 convolution, depthwise convolution and matrix product on NHWC arrays, with bias and activation fused.

Every sum runs over k in ascending order, each product and each sum rounded on its own. So a result has the same bits on every machine,
whatever batch it is computed in, and whatever the size of the block it falls into.
"""

from typing import NamedTuple

import numpy as np

from .jit import kernel
from .packing import split_groups
from .patches import gather, seen_by
from .reference import Array
from .window import Window, require, require_products

BLOCK_BYTES = 1 << 18  # of gathered rows


class PackedFloatWeights(NamedTuple):
    """Weights of a convolution or matrix product: for each group a matrix of products by columns."""

    matrices: Array  # (groups, K, N) f32, K = kh*kw*G with channels innermost
    depth: int  # input channels of a group


def pack_convolution(w: Array, groups: int = 1) -> PackedFloatWeights:
    """(O,G,kh,kw) f32 -> PackedFloatWeights. Raises ValueError for weights of another type or shape."""
    taps = split_groups(w, groups, np.float32)
    _, columns, kh, kw, depth = taps.shape
    matrices = taps.transpose(0, 2, 3, 4, 1).reshape(groups, kh * kw * depth, columns)
    return PackedFloatWeights(np.ascontiguousarray(matrices), depth)


def pack_matmul(b: Array) -> PackedFloatWeights:
    """(K,N) f32 -> PackedFloatWeights."""
    return pack_convolution(b.T[:, :, None, None])


def convolution(
    x: Array, weights: PackedFloatWeights, bias: Array, out: Array, *, window: Window, low: float = -np.inf, high: float = np.inf
) -> None:
    """(N,H,W,C) f32 * weights -> out (N,H',W',O) f32 = clip(x * w + bias, low, high), bias (O,) f32, border zero.

    x, bias, out: C-contiguous; threads may share the work by slices of the batch. Raises ValueError for arrays that do not fit.
    """
    groups, K, N = weights.matrices.shape
    require("x", x, (np.float32,), (-1, -1, -1, groups * weights.depth))
    require("bias", bias, (np.float32,), (groups * N,))
    require("out", out, (np.float32,), (len(x), *window.output_size(*x.shape[1:3]), groups * N))
    require_products(K, window, weights.depth, weights.depth)
    in_place = window.is_pointwise and groups == 1
    if out.size:
        _convolve(x, weights, bias, np.float32(low), np.float32(high), window, in_place, out)


def matmul(a: Array, weights: PackedFloatWeights, bias: Array, out: Array, *, low: float = -np.inf, high: float = np.inf) -> None:
    """(M,K) f32 @ weights -> out (M,N) f32 = clip(a @ b + bias, low, high), bias (N,) f32; else as `convolution`."""
    convolution(a[None, None], weights, bias, out[None, None], window=Window((1, 1)), low=low, high=high)


def depthwise(x: Array, weights: Array, bias: Array, out: Array, *, window: Window, low: float = -np.inf, high: float = np.inf) -> None:
    """(N,H,W,C) f32 * (kh,kw,C) f32 -> out (N,H',W',C) f32 = clip(x * w + bias, low, high); weights from depthwise.pack_depthwise."""
    channels = weights.shape[-1]
    require("x", x, (np.float32,), (-1, -1, -1, channels))
    require("weights", weights, (np.float32,), (*window.kernel, channels))
    require("bias", bias, (np.float32,), (channels,))
    require("out", out, (np.float32,), (len(x), *window.output_size(*x.shape[1:3]), channels))
    _convolve_depthwise(x, weights, bias, np.float32(low), np.float32(high), window, out)


@kernel
def _convolve(
    x: Array,
    weights: PackedFloatWeights,
    bias: Array,
    low: np.float32,
    high: np.float32,
    window: Window,
    in_place: bool,
    out: Array,
) -> None:
    images, height, width, channels = x.shape
    positions = out.shape[1] * out.shape[2]
    groups, K, N = weights.matrices.shape
    block = max(BLOCK_BYTES // (4 * K + 1) // 4 * 4, 4)
    rows = np.empty((0 if in_place else min(block, positions), K), np.float32)
    sums = np.empty((4, N), np.float32)
    for image in range(images):
        sources = x[image].reshape(height * width, channels)
        targets = out[image].reshape(positions, out.shape[3])
        for start in range(0, positions, block):
            M = min(block, positions - start)
            for g in range(groups):
                span = slice(g * N, (g + 1) * N)
                if in_place:
                    _multiply(sources[start : start + M], weights.matrices[g], sums, bias, low, high, targets[start : start + M])
                else:
                    gather(x[image], g * weights.depth, weights.depth, np.float32(0), window, out.shape[2], start, rows[:M])
                    _multiply(rows[:M], weights.matrices[g], sums, bias[span], low, high, targets[start : start + M, span])


@kernel
def _multiply(a: Array, b: Array, sums: Array, bias: Array, low: np.float32, high: np.float32, out: Array) -> None:
    """(M,K) @ (K,N) -> out (M,N) = clip(sum + bias, low, high); sums (4,N) is scratch. At the lower edge the last row is repeated."""
    M = len(a)
    s0, s1, s2, s3 = sums[0], sums[1], sums[2], sums[3]
    for i in range(0, M, 4):
        i1, i2, i3 = min(i + 1, M - 1), min(i + 2, M - 1), min(i + 3, M - 1)
        _four_rows(a[i], a[i1], a[i2], a[i3], b, s0, s1, s2, s3)
        _finish(s0, bias, low, high, out[i])
        _finish(s1, bias, low, high, out[i1])
        _finish(s2, bias, low, high, out[i2])
        _finish(s3, bias, low, high, out[i3])


@kernel
def _four_rows(a0: Array, a1: Array, a2: Array, a3: Array, b: Array, s0: Array, s1: Array, s2: Array, s3: Array) -> None:
    """s0 (N,) = a0 (K,) @ b (K,N), and so on. Four k at a time, so that a sum is read and written once for four products."""
    K, N = b.shape
    s0[:], s1[:], s2[:], s3[:] = 0, 0, 0, 0
    for k in range(0, K - K % 4, 4):
        b0, b1, b2, b3 = b[k], b[k + 1], b[k + 2], b[k + 3]
        a00, a01, a02, a03 = a0[k], a0[k + 1], a0[k + 2], a0[k + 3]
        a10, a11, a12, a13 = a1[k], a1[k + 1], a1[k + 2], a1[k + 3]
        a20, a21, a22, a23 = a2[k], a2[k + 1], a2[k + 2], a2[k + 3]
        a30, a31, a32, a33 = a3[k], a3[k + 1], a3[k + 2], a3[k + 3]
        for j in range(N):
            s0[j] = s0[j] + a00 * b0[j] + a01 * b1[j] + a02 * b2[j] + a03 * b3[j]
            s1[j] = s1[j] + a10 * b0[j] + a11 * b1[j] + a12 * b2[j] + a13 * b3[j]
            s2[j] = s2[j] + a20 * b0[j] + a21 * b1[j] + a22 * b2[j] + a23 * b3[j]
            s3[j] = s3[j] + a30 * b0[j] + a31 * b1[j] + a32 * b2[j] + a33 * b3[j]
    for k in range(K - K % 4, K):
        a00, a10, a20, a30, b0 = a0[k], a1[k], a2[k], a3[k], b[k]
        for j in range(N):
            s0[j] += a00 * b0[j]
            s1[j] += a10 * b0[j]
            s2[j] += a20 * b0[j]
            s3[j] += a30 * b0[j]


@kernel
def _finish(sums: Array, bias: Array, low: np.float32, high: np.float32, target: Array) -> None:
    """target (N,) = clip(sums + bias, low, high), written so that a NaN stays NaN."""
    for j in range(len(target)):
        y = sums[j] + bias[j]
        y = low if y < low else y
        target[j] = high if y > high else y


@kernel
def _convolve_depthwise(x: Array, weights: Array, bias: Array, low: np.float32, high: np.float32, window: Window, out: Array) -> None:
    images, height, width, channels = out.shape
    (kh, kw), sums = window.kernel, np.empty(channels, np.float32)
    for image in range(images):
        for line in range(height):
            for column in range(width):
                sums[:] = 0
                for tap in range(kh * kw):
                    row, place = seen_by(window, line, column, tap)
                    if 0 <= row < x.shape[1] and 0 <= place < x.shape[2]:
                        source, w = x[image, row, place], weights[tap // kw, tap % kw]
                        for c in range(channels):
                            sums[c] += source[c] * w[c]
                _finish(sums, bias, low, high, out[image, line, column])
