"""int8 arithmetic by its definition: a few lines of NumPy that are never optimised, and that every fast
kernel must equal bit for bit (docs/arithmetic.md).

    a = sum_k (q_k - z) w_k = sum_k q_k w_k - z sum_k w_k                                        (3)
    p_i = q_2i w_2i + q_2i+1 w_2i+1                                                              (5)
    a = sum_i min(max(p_i, -32768), 32767) - z sum_k w_k                                         (6)
    a = sum_t sum_i min(max(p_t,i, -32768), 32767) - z sum_t,c w_t,c                             (7)
    y = float32(a) * (s s_w) + b                                                                 (8)
    y := min(max(y, low), high)                                                                  (9)
    m = 255 / (H - L),   t = -L 255 / (H - L),   u = min(max(rint(y m + t), 0), 255)             (10)

    alpha = m_a r,   beta = t_a r + low
    v = min(max(alpha y + beta, low), low + 255 r) + (q_b + f_b)                                 (15)
    u = quantize(v), for the bounds L_c / s_b and H_c / s_b                                      (16)

q are codes with zero point z, w weights, p sums of pairs, a of a layer, exact in (3) and saturating in (6),
in (7) over the taps t and channels c of a convolution. s s_w is the scale of a, b a bias, u the next layer's
code, for a range from L to H. (15) and (16) add a residual branch of codes q_b; ir/lowering/residual_add.py
explains r and the rest.

Letters in shapes: M rows, K products a sum, N columns; N,C,H,W an image batch, O output channels, G = C /
groups.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np

Array = np.ndarray[Any, Any]
Arithmetic = Literal["exact", "saturating"]
INT16_MIN, INT16_MAX = -32768, 32767


def pairs(K: int, block: int = 0) -> Iterator[slice]:
    """The k of each pair of neighbours among K products (5). No pair crosses the end of a block of so
    many products; 0: one block.

    The last k of a block with an odd number of products stands alone.
    """
    for start in range(0, K, block or max(K, 1)):
        stop = min(start + (block or K), K)
        for k in range(start, stop, 2):
            yield slice(k, min(k + 2, stop))


def pair_sums(a: Array, b: Array, block: int = 0) -> Iterator[Array]:
    """(M,K) u8, (K,N) s8 -> one (M,N) s32 a pair, before any clipping (5)."""
    for k in pairs(a.shape[1], block):
        yield a[:, k].astype(np.int32) @ b[k].astype(np.int32)


def gemm_exact(a: Array, b: Array, zero_point: int | Array, block: int = 0) -> Array:
    """(M,K) u8 @ (K,N) s8 -> (M,N) s32, nothing lost (3). zero_point: one code, or one for each k as (K,)
    s32. block: no matter.
    """
    return (a.astype(np.int32) - zero_point) @ b.astype(np.int32)


def gemm_saturating(a: Array, b: Array, zero_point: int | Array, block: int = 0) -> Array:
    """(M,K) u8 @ (K,N) s8 -> (M,N) s32 as CPUs without VNNI do it: pairs of products clip to 16 bits (6).
    block: as in `pairs`.
    """
    zero_points = np.broadcast_to(np.asarray(zero_point, np.int32), a.shape[1])
    acc = np.zeros((len(a), b.shape[1]), np.int32) - zero_points @ b.astype(np.int32)
    for pair in pair_sums(a, b, block):
        acc += np.clip(pair, INT16_MIN, INT16_MAX)
    return acc


GEMM = {"exact": gemm_exact, "saturating": gemm_saturating}


def saturated_pairs(a: Array, b: Array, block: int = 0) -> Array:
    """(M,K) u8, (K,N) s8 -> (N,) s64: how many pair sums of each column do not fit 16 bits. block: as in
    `pairs`.
    """
    counts = np.zeros(b.shape[1], np.int64)
    for pair in pair_sums(a, b, block):
        counts += ((pair < INT16_MIN) | (pair > INT16_MAX)).sum(axis=0)
    return counts


def largest_overflow(a: Array, b: Array, block: int = 0) -> Array:
    """(M,K) u8, (K,N) s8 -> (N,) s64: by how much the worst pair sum of each column misses 16 bits; 0 if all
    fit. block: as in `pairs`.
    """
    worst = np.zeros(b.shape[1], np.int64)
    for pair in pair_sums(a, b, block):
        miss = np.abs(pair - np.clip(pair, INT16_MIN, INT16_MAX))
        worst = np.maximum(worst, miss.max(axis=0, initial=0))
    return worst


# ---- convolution is a GEMM over patches --------------------------------------------------------------------


def patches(
    x: Array,
    zero_point: int | Array,
    kernel: Sequence[int],
    *,
    strides: Sequence[int],
    pads_begin: Sequence[int],
    pads_end: Sequence[int],
    dilations: Sequence[int],
) -> Array:
    """(N,C,H,W) -> (N,H',W',kh,kw,C), same dtype: what every output position sees. The border holds the code
    of real zero.
    """
    n, c, h, w = x.shape
    (top, left), (bottom, right) = pads_begin, pads_end
    padded = np.empty((n, c, top + h + bottom, left + w + right), x.dtype)
    padded[:] = np.broadcast_to(np.asarray(zero_point, x.dtype), c)[:, None, None]
    padded[:, :, top : top + h, left : left + w] = x
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    windows = np.lib.stride_tricks.sliding_window_view(padded, reach, axis=(2, 3))
    windows = windows[:, :, :: strides[0], :: strides[1], :: dilations[0], :: dilations[1]]
    return windows.transpose(0, 2, 3, 4, 5, 1)


def group_gemms(
    x: Array, w: Array, zero_point: int | Array, groups: int, **window: Sequence[int]
) -> Iterator[tuple[Array, Array, Array]]:
    """The GEMM of each group, (a, b, zero_point) = (M,K) u8, (K,O/groups) s8, (K,) s32 with M = N*H'*W', K =
    kh*kw*even(G).

    The channels of a tap are filled up to an even number with weights of zero, so that no pair crosses from
    one tap to the next.
    """
    out_channels, depth, *kernel = w.shape
    zero_points = np.broadcast_to(np.asarray(zero_point, np.int32), x.shape[1])
    for g in range(groups):
        ins, outs = (
            slice(g * depth, (g + 1) * depth),
            slice(g * out_channels // groups, (g + 1) * out_channels // groups),
        )
        fill = (0, depth % 2)
        a = np.pad(patches(x[:, ins], zero_points[ins], kernel, **window), ((0, 0),) * 5 + (fill,))
        b = np.pad(w[outs].transpose(2, 3, 1, 0), ((0, 0), (0, 0), fill, (0, 0)))
        z = np.tile(np.pad(zero_points[ins], fill), kernel[0] * kernel[1])
        K = len(z)
        yield a.reshape(int(np.prod(a.shape[:3])), K), b.reshape(K, b.shape[-1]), z


def convolution(
    x: Array,
    w: Array,
    zero_point: int | Array,
    *,
    strides: Sequence[int],
    pads_begin: Sequence[int],
    pads_end: Sequence[int],
    dilations: Sequence[int],
    groups: int,
    arithmetic: Arithmetic,
    block: int = 0,
) -> Array:
    """(N,C,H,W) u8, (O,G,kh,kw) s8 -> (N,O,H',W') s32 (7). zero_point: one code, or one for each input
    channel as (C,).

    block: of a 1x1 kernel, as in `pairs`.
    """
    window = {"strides": strides, "pads_begin": pads_begin, "pads_end": pads_end, "dilations": dilations}
    height, width = patches(x, zero_point, w.shape[2:], **window).shape[1:3]
    columns = [
        GEMM[arithmetic](*problem, block) for problem in group_gemms(x, w, zero_point, groups, **window)
    ]
    return np.concatenate(columns, axis=1).reshape(len(x), height, width, len(w)).transpose(0, 3, 1, 2)


def convolution_saturated_pairs(
    x: Array, w: Array, zero_point: int | Array, *, groups: int, block: int = 0, **window: Sequence[int]
) -> Array:
    """(O,) s64: pair sums of each output channel that clip, padding included. Keywords as in `convolution`,
    without `arithmetic`.
    """
    return np.concatenate(
        [saturated_pairs(a, b, block) for a, b, _ in group_gemms(x, w, zero_point, groups, **window)]
    )


def convolution_largest_overflow(
    x: Array, w: Array, zero_point: int | Array, *, groups: int, block: int = 0, **window: Sequence[int]
) -> Array:
    """(O,) s64: by how much the worst pair sum of each output channel misses 16 bits; 0 if all fit."""
    return np.concatenate(
        [largest_overflow(a, b, block) for a, b, _ in group_gemms(x, w, zero_point, groups, **window)]
    )


# ---- from accumulators back to real numbers and codes ------------------------------------------------------


def dequantize(acc: Array, scale: Array, bias: Array, low: float, high: float) -> Array:
    """s32 -> f32 of the same shape: the real value, its bias, its fused activation (8), (9); scale and bias
    broadcast against acc.
    """
    y = acc.astype(np.float32) * np.float32(scale) + np.float32(bias)
    return np.clip(y, np.float32(low), np.float32(high))


def requantize(
    acc: Array,
    scale: Array,
    bias: Array,
    low: float,
    high: float,
    multiplier: float | Array,
    factor: float | Array,
    shift: float | Array,
    offset: float,
) -> Array:
    """s32 -> u8 of the same shape: the next layer's codes (8) to (10); halves go to even.

    Every step rounds to float32, but the product by `factor` and the sum with `shift` round together. offset:
    0, or 128 where codes count from -128 until they are stored.
    """
    y = dequantize(acc, scale, bias, low, high)
    codes = np.rint(
        fused_multiply_add(y * np.float32(multiplier), np.float32(factor), np.float32(shift))
    ) + np.float32(offset)
    return np.clip(codes, 0, 255).astype(np.uint8)


def requantize_residual(
    acc: Array,
    x: Array,
    epilogue: tuple[Any, ...],
    zero: float,
    affine: tuple[Any, Any, Any],
    clip: tuple[float, float],
    activation: tuple[float, float],
) -> Array:
    """s32, and the codes x (u8) of another branch -> u8: their sum's codes, formed in units of x (15),
    (16).

    epilogue: as in requantize, of which the part from `multiplier` on is applied to the sum. affine:
    (multiplier, factor, shift) that bring the first branch to codes of x; clip: their bounds; zero: 128 where
    x counts from -128, else 0; activation: behind the sum.
    """
    multiplier, factor, shift = (np.float32(v) for v in affine)
    y = fused_multiply_add(dequantize(acc, *epilogue[:4]) * multiplier, factor, shift)
    total = np.clip(y, np.float32(clip[0]), np.float32(clip[1])) + (x.astype(np.float32) - np.float32(zero))
    return requantize(total, np.ones(1), np.zeros(1), *activation, *epilogue[4:])


def fused_multiply_add(x: Array, a: Array | np.float32, b: Array | np.float32) -> Array:
    """The float32 nearest to the exact x * a + b; all float32.

    float64 holds the product exactly, but not always the sum, and rounding that sum first to 53 and then to
    24 bits may land on the wrong side of a tie. Two steps avoid it: the error of the float64 sum is exact
    (Knuth's TwoSum), and where there is one, the sum is moved to whichever of its two float64 neighbours
    around the exact value is odd ("round to odd"), which is never a tie of float32.
    """
    product, addend = x.astype(np.float64) * a, np.asarray(b, np.float64)
    total = product + addend
    part = total - product
    error = (product - (total - part)) + (addend - part)
    towards_exact = np.nextafter(total, np.where(error > 0, np.inf, -np.inf))
    is_even = (total.view(np.int64) & 1) == 0
    return np.where((error != 0) & np.isfinite(error) & is_even, towards_exact, total).astype(np.float32)
