"""Which weights can make a 16-bit pair sum clip, how many pairs there are, and where a run counts those that
did (docs/arithmetic.md).

    255 (max(w_0, 0) + max(w_1, 0)) <= 32767   and   255 (min(w_0, 0) + min(w_1, 0)) >= -32768   (12)

A pair of weights w_0, w_1 with (12) cannot clip, whatever the codes are. Pairs are neighbouring channels of
one tap (reference.py), but some runtimes sum K products of a matrix in blocks of B(K), or write a convolution
as a matrix product, q' and w', where pairs run on from tap t to the next (G channels c a tap):

    B(K) = K if K <= 256,   ceil(K / 2) if 256 < K < 512,   256 if K >= 512                      (7a)

    a = sum_i min(max(p_i, -32768), 32767) - z sum_t,c w_t,c
    p_i = q'_2i w'_2i + q'_2i+1 w'_2i+1,   q'_(t G + c) = q_t,c                                  (7b)

    taps of 3 channels      0 1 2   0 1 2   0 1 2   0 1 2
    pairs of one tap        +-+ .   +-+ .   +-+ .   +-+ .
    pairs that run on       +-+ +---+ +-+   +-+ +---+ +-+
"""

import math
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

import numpy as np

from .reference import INT16_MAX, INT16_MIN, Array, pairs


class SaturationCount(NamedTuple):
    """What a run saw, for each of O output channels; kernels add to it. Counts of threads or batches merge
    with `+=` and `maximum`.
    """

    pairs: Array  # (O,) s64: pair sums that clipped
    overflow: Array  # (O,) s64: by how much the worst one missed 16 bits

    @classmethod
    def zeros(cls, channels: int) -> "SaturationCount":
        return cls(np.zeros(channels, np.int64), np.zeros(channels, np.int64))


def provably_safe(w: Array, block: int = 0) -> Array:
    """(O,G,kh,kw) s8 -> (O,) bool: no activation codes 0..255 whatsoever make a pair of this output channel
    clip (12).

    Groups need no mention: w already holds only the G input channels of each output channel's group. A matrix
    (K,N) is (N,K,1,1). Depthwise weights (G = 1) are always safe. block: of a 1x1 kernel, as in
    `reference.pairs`.
    """
    return np.all(pairs_are_safe(in_pairs(np.moveaxis(w, 1, -1), block)), axis=(1, 2, 3))


def in_pairs(w: Array, block: int = 0, alone: int = 0) -> Array:
    """(...,K) -> (...,2n): neighbours side by side as `reference.pairs` has them; `alone` beside one that has
    none.
    """
    parts = [w[..., k : k + block] for k in range(0, w.shape[-1], block)] if block else [w]
    fills = [[*[(0, 0)] * (w.ndim - 1), (0, p.shape[-1] % 2)] for p in parts]
    return np.concatenate(
        [np.pad(p, fill, constant_values=alone) for p, fill in zip(parts, fills, strict=True)], axis=-1
    )


# ---- who is whose neighbour, on which processor ------------------------------------------------------------


class PairRule(NamedTuple):
    """How the kernels of a runtime pair products on a processor without a byte dot product, where pairs are
    not those of one tap.

    halves: a matrix product of more than the first and less than the second number of products is summed in
    two halves (7a). windows: which convolutions are computed as matrix products, so that pairs run on from
    one tap to the next (7b).
    """

    halves: tuple[int, int] = (0, 0)
    windows: Literal["of groups", "of groups with a zero point", "all"] = "of groups"

    def block(self, K: int) -> int:
        """After how many of K products a matrix product begins a new sum, if that parts two neighbours; else
        0.
        """
        half = -(-K // 2)
        return half if self.halves[0] < K < self.halves[1] and half % 2 else 0

    def runs_on(self, weights: Sequence[int], groups: int, zero_point: int) -> bool:
        """Whether a convolution with weights (O,G,kh,kw) has other pairs than those of one tap. A
        depthwise one has none.

        zero_point: of its codes, 128 where they are signed.
        """
        _, depth, *kernel = weights
        taps = math.prod(kernel)
        if _is_depthwise(weights, groups) or (groups == 1 and self.windows != "all"):
            return False
        if self.windows == "of groups with a zero point" and not zero_point:
            return False
        return (depth % 2 == 1 and taps > 1) or self.block(depth * taps) != 0


#: By the name of the arithmetic. Measured: docs/saturation.md, "Which computers".
PAIR_RULES: Final = {
    "saturating": PairRule(halves=(256, 512)),  # OpenVINO on AVX2
    # OpenVINO on AVX-512 without VNNI and VBMI
    "saturating-avx512": PairRule(windows="of groups with a zero point"),
    "saturating-onnxruntime": PairRule(windows="all"),  # onnxruntime on AVX2
}


def pairing(
    rule: PairRule, weights: Sequence[int], *, groups: int = 1, zero_point: int = 0, is_matrix: bool = False
) -> Array:
    """The pairs of one output channel of a layer that is not depthwise; weights: shape (O,G,*kernel).

    (n,2) s64: numbers of its G*prod(kernel) weights in C order; that number itself stands beside a weight
    that is alone.
    """
    _, depth, *kernel = weights
    by_tap = np.arange(depth * math.prod(kernel)).reshape(depth, -1).T  # (taps,G)
    if is_matrix:
        return _in_twos(by_tap, rule.block(depth))
    if rule.runs_on(weights, groups, zero_point):
        return _in_twos(by_tap.reshape(1, -1), rule.block(by_tap.size))
    return _in_twos(by_tap)


def pairings(weights: Sequence[int], *, groups: int = 1, is_matrix: bool = False) -> list[Array]:
    """All the ways in which some runtime and processor pairs a layer's products, each as in `pairing`.
    Depthwise: none.
    """
    if _is_depthwise(weights, groups):
        return []
    rules = [(rule, zero_point) for rule in PAIR_RULES.values() for zero_point in (0, 128)]
    found = [
        pairing(rule, weights, groups=groups, zero_point=zero, is_matrix=is_matrix) for rule, zero in rules
    ]
    # AVX-512 with VBMI pairs one input channel down its columns, or along each of its rows
    if weights[1] == 1 and len(weights) > 3:
        numbers = np.arange(math.prod(weights[2:])).reshape(weights[2:])
        found += [
            _in_twos(numbers.swapaxes(-1, -2).reshape(1, -1)),
            _in_twos(numbers.reshape(-1, weights[-1])),
        ]
    return _different(found)


def _is_depthwise(weights: Sequence[int], groups: int) -> bool:
    return weights[1] == 1 and groups == weights[0] and groups > 1


def _in_twos(numbers: Array, block: int = 0) -> Array:
    """(runs,K) -> (n,2): neighbours of each run, as `reference.pairs` has them."""
    return in_pairs(numbers, block, alone=numbers.max() + 1).reshape(-1, 2)


def _different(ways: list[Array]) -> list[Array]:
    """Without those that are there twice."""
    return [way for i, way in enumerate(ways) if not any(np.array_equal(way, other) for other in ways[:i])]


def chosen_pairs(w: Array, pairing: Array) -> Array:
    """(O,G,*kernel), and one of the `pairings` of that shape -> (O,n,2), same dtype; zero beside a weight
    that is alone.
    """
    return np.pad(w.reshape(len(w), -1), ((0, 0), (0, 1)))[:, pairing]


def safe_anywhere(w: Array, ways: Sequence[Array]) -> Array:
    """(O,G,*kernel) s8, and its `pairings` -> (O,) bool: can no pair that any processor forms clip, whatever
    the input?
    """
    return np.all(
        [pairs_are_safe(chosen_pairs(w, way)).all(axis=(1, 2)) for way in ways] or [np.ones(len(w), bool)],
        axis=0,
    )


def pairs_are_safe(w: Array) -> Array:
    """(...,2n) s8 -> (...,n) bool: can no activation codes make the pair of neighbours clip (12)?"""
    return _fit(*_one_sided_sums(w))


def sums_of_two_are_safe(first: Array, second: Array) -> Array:
    """Twice (...,2n) s8 -> (...,n) bool: is even the sum of a pair of the first and the same pair of the
    second always one of 16 bits?
    """
    return _fit(*(a + b for a, b in zip(_one_sided_sums(first), _one_sided_sums(second), strict=True)))


def largest_safe_codes(w: Array) -> Array:
    """(...,2n) s8 -> (...,n) u8: as long as both codes are at most so large, the pair of neighbours cannot
    clip; 255 where it never can.
    """
    up, down = (sums.astype(np.int32) for sums in _one_sided_sums(w))
    return np.minimum(
        np.minimum(INT16_MAX // np.maximum(up, 1), INT16_MIN // np.minimum(down, -1)), 255
    ).astype(np.uint8)


def _one_sided_sums(w: Array) -> tuple[Array, Array]:
    """(...,2n) s8 -> of each pair the sum of its positive weights and that of its negative ones,
    (...,n) s16.
    """
    first, second = w[..., 0::2], w[..., 1::2]
    up = np.add(np.maximum(first, 0), np.maximum(second, 0), dtype=np.int16)
    return up, np.add(np.minimum(first, 0), np.minimum(second, 0), dtype=np.int16)


def _fit(up: Array, down: Array) -> Array:
    """Do the largest codes over positive weights, and over negative ones, stay within 16 bits?"""
    return (up <= INT16_MAX // 255) & (down >= -(-INT16_MIN // 255))


def number_of_pairs(output_shape: Sequence[int], weight_shape: Sequence[int], block: int = 0) -> int:
    """Pair sums a layer forms: (N,O,H',W') outputs of ceil(G/2) pairs at each tap of weights (O,G,kh,kw), or
    as `block` has them.
    """
    _, depth, kh, kw = weight_shape
    return math.prod(output_shape) * len(list(pairs(depth, block))) * kh * kw
