"""Which weights can make a 16-bit pair sum clip, how many pairs there are, and where a run counts those that did."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .reference import INT16_MAX, INT16_MIN, Array


class SaturationCount(NamedTuple):
    """What a run saw, for each of O output channels; kernels add to it. Counts of threads or batches merge with `+=` and `maximum`."""

    pairs: Array  # (O,) s64: pair sums that clipped
    overflow: Array  # (O,) s64: by how much the worst one missed 16 bits

    @classmethod
    def zeros(cls, channels: int) -> "SaturationCount":
        return cls(np.zeros(channels, np.int64), np.zeros(channels, np.int64))


def provably_safe(w: Array) -> Array:
    """(O,G,kh,kw) s8 -> (O,) bool: no activation codes 0..255 whatsoever make a pair of this output channel clip (eq. 12).

    Groups need no mention: w already holds only the G input channels of each output channel's group. A matrix (K,N) is
    (N,K,1,1). Depthwise weights (G = 1) are always safe.
    """
    even = np.pad(w, ((0, 0), (0, w.shape[1] % 2), (0, 0), (0, 0)))
    return np.all(pairs_are_safe(np.moveaxis(even, 1, -1)), axis=(1, 2, 3))


def along_the_kernel(w: Array) -> list[Array]:
    """(O,1,...,kh,kw) -> twice (O,2n): the weights in the orders in which some processors pair them, zero behind an odd last one.

    One input channel leaves nothing to pair in (7). OpenVINO's kernels for AVX-512 then pair neighbours down the columns of the kernel, on
    into the next column, and those for AVX2 along the rows if there are groups; unless the convolution is depthwise.
    """
    odd = w[0].size % 2
    return [np.pad(order.reshape(len(w), -1), ((0, 0), (0, odd))) for order in (w[:, 0].swapaxes(-1, -2), w[:, 0])]


def pairs_anywhere(w: Array) -> Array:
    """(O,G,*kernel), not depthwise -> (O,n,2): the pairs of (7), or, of one input channel, all that some processor forms."""
    if w.shape[1] == 1:
        kernel = w if w.ndim > 3 else w.reshape(*w.shape[:2], 1, -1)
        pairs = np.concatenate(along_the_kernel(kernel), axis=1)
    else:
        pairs = np.pad(np.moveaxis(w.reshape(*w.shape[:2], -1), 1, 2), ((0, 0), (0, 0), (0, w.shape[1] % 2)))
    return pairs.reshape(len(w), -1, 2)


def safe_anywhere(w: Array) -> Array:
    """(O,G,*kernel) s8, not depthwise -> (O,) bool: can no pair that any processor forms clip, whatever the input?"""
    return np.all(pairs_are_safe(pairs_anywhere(w)), axis=(1, 2))


def pairs_are_safe(w: Array) -> Array:
    """(...,2n) s8 -> (...,n) bool: can no activation codes make the pair of neighbours clip (eq. 12)?"""
    return _fit(*_one_sided_sums(w))


def sums_of_two_are_safe(first: Array, second: Array) -> Array:
    """Twice (...,2n) s8 -> (...,n) bool: is even the sum of a pair of the first and the same pair of the second always one of 16 bits?"""
    return _fit(*(a + b for a, b in zip(_one_sided_sums(first), _one_sided_sums(second), strict=True)))


def largest_safe_codes(w: Array) -> Array:
    """(...,2n) s8 -> (...,n) u8: as long as both codes are at most so large, the pair of neighbours cannot clip; 255 where it never can."""
    up, down = _one_sided_sums(w)
    return np.minimum(np.minimum(INT16_MAX // np.maximum(up, 1), INT16_MIN // np.minimum(down, -1)), 255).astype(np.uint8)


def _one_sided_sums(w: Array) -> tuple[Array, Array]:
    """(...,2n) s8 -> of each pair the sum of its positive weights and that of its negative ones, (...,n) s32."""
    pairs = w.reshape(*w.shape[:-1], w.shape[-1] // 2, 2).astype(np.int32)
    return np.maximum(pairs, 0).sum(axis=-1), np.minimum(pairs, 0).sum(axis=-1)


def _fit(up: Array, down: Array) -> Array:
    """Do the largest codes over positive weights, and over negative ones, stay within 16 bits?"""
    return (255 * up <= INT16_MAX) & (255 * down >= INT16_MIN)


def number_of_pairs(output_shape: Sequence[int], weight_shape: Sequence[int]) -> int:
    """Pair sums a layer forms: (N,O,H',W') outputs of ceil(G/2) pairs at each tap of weights (O,G,kh,kw)."""
    _, depth, kh, kw = weight_shape
    return math.prod(output_shape) * -(-depth // 2) * kh * kw
