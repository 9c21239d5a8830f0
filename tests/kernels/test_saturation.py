"""The proof that a channel cannot clip: sound, and never more careful than it must be."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from numpot.kernels import reference
from numpot.kernels.direct import convolution
from numpot.kernels.layout.weight_packing import pack_convolution
from numpot.kernels.layout.window import Window
from numpot.kernels.saturation import (
    SaturationCount,
    largest_safe_codes,
    number_of_pairs,
    pairings,
    provably_safe,
    safe_anywhere,
    sums_of_two_are_safe,
)

from .problems import nhwc


def witnesses(w: np.ndarray) -> np.ndarray:
    """(O,G,kh,kw) s8 -> (2*O,G,kh,kw) u8: for each output channel the activations that press its pairs up,
    and those that press down.
    """
    return np.concatenate([np.where(w > 0, 255, 0), np.where(w < 0, 255, 0)]).astype(np.uint8)


def clips(w: np.ndarray) -> np.ndarray:
    """(O,) bool: does some pair of the channel clip when pressed hardest? Counted by the kernel, one window
    that sees everything.
    """
    x, count = witnesses(w), SaturationCount.zeros(len(w))
    out = np.empty((len(x), 1, 1, len(w)), np.int32)
    convolution(nhwc(x), pack_convolution(w), 0, out, window=Window(w.shape[2:]), count=count)
    return count.pairs > 0


def test_all_pairs_of_weights() -> None:
    """Each of the 65,536 pairs is safe exactly if none of the four corners of the activations
    makes it clip.
    """
    first, second = np.meshgrid(np.arange(-128, 128), np.arange(-128, 128))
    w = np.stack([first.ravel(), second.ravel()], axis=1).astype(np.int8)[:, :, None, None]
    corners = np.array([[0, 0], [0, 255], [255, 0], [255, 255]])
    sums = w[:, :, 0, 0].astype(np.int32) @ corners.T
    assert_array_equal(provably_safe(w), ((sums >= -32768) & (sums <= 32767)).all(axis=1))


def test_the_largest_safe_code_of_all_pairs_of_weights() -> None:
    """Codes up to it never make the pair clip; with one more they do."""
    first, second = np.meshgrid(np.arange(-128, 128), np.arange(-128, 128))
    w = np.stack([first.ravel(), second.ravel()], axis=1)
    limit = largest_safe_codes(w.astype(np.int8))[:, 0].astype(np.int32)

    def extremes(code: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        sums = np.stack([w @ corner for corner in np.array([[0, 0], [0, 1], [1, 0], [1, 1]])]) * code
        return sums.max(axis=0), sums.min(axis=0)

    highest, lowest = extremes(limit)
    assert (highest <= 32767).all() and (lowest >= -32768).all()
    highest, lowest = extremes(limit + 1)
    assert_array_equal((highest > 32767) | (lowest < -32768) | (limit == 255), True)


def test_two_pairs_whose_sum_always_fits() -> None:
    """Each of both words' pairs pressed hardest, at once."""
    rng = np.random.default_rng(0)
    a, b = rng.integers(-60, 61, (2, 20_000, 2), np.int8)
    both = np.concatenate([a, b], axis=1).astype(np.int32)
    highest, lowest = 255 * np.maximum(both, 0).sum(axis=1), 255 * np.minimum(both, 0).sum(axis=1)
    fits = sums_of_two_are_safe(a, b)[:, 0]
    assert_array_equal(fits, (highest <= 32767) & (lowest >= -32768))
    assert 0 < fits.sum() < len(fits)


def test_words_are_packed_couples_first_and_those_that_clip_last() -> None:
    w = np.random.default_rng(0).integers(-20, 21, (4, 4 * 9, 1, 1), np.int8)
    w[1, 4 * 2 : 4 * 2 + 2] = 127  # word 2 clips
    w[3, 4 * 5 : 4 * 7] = 40  # words 5 and 6 are safe, but not their sum
    packed = pack_convolution(w)
    assert_array_equal(packed.order[0, 0], [0, 1, 3, 4, 7, 8, 5, 6, 2])
    assert packed.coupled[0, 0] == 6 and packed.safe[0, 0] == 8


def test_safe_channels_never_clip_and_unsafe_ones_can() -> None:
    rng = np.random.default_rng(0)
    for depth, kernel in ((1, (3, 3)), (2, (1, 1)), (5, (3, 2)), (16, (1, 1))):
        size = rng.integers(40, 128, (64, 1, 1, 1))
        w = (rng.uniform(-1, 1, (64, depth, *kernel)) * size).astype(np.int8)
        assert_array_equal(clips(w), ~provably_safe(w))
        assert depth == 1 or 0 < provably_safe(w).sum() < 64


def test_seven_bits_never_clip() -> None:
    """255 * 64 * 2 = 32640; one more on both weights of a pair is one too many."""
    rng = np.random.default_rng(0)
    w = rng.integers(-64, 65, (32, 9, 3, 3), np.int8)
    w[0], w[1] = 64, -64
    assert provably_safe(w).all()
    assert not clips(w).any()
    assert_array_equal(
        provably_safe(
            np.array([[64, 64], [65, 64], [65, 63], [-64, -64], [-65, -64]], np.int8)[:, :, None, None]
        ),
        [1, 0, 1, 1, 0],
    )


def test_number_of_pairs_is_what_the_definition_adds() -> None:
    x, w = np.full((2, 6, 5, 5), 255, np.uint8), np.full((4, 3, 3, 3), 127, np.int8)
    window = {"strides": (1, 1), "pads_begin": (0, 0), "pads_end": (0, 0), "dilations": (1, 1), "groups": 2}
    pairs = number_of_pairs((2, 4, 3, 3), w.shape)
    assert pairs == 2 * 4 * 9 * 9 * 2
    # of three channels only the first two clip
    assert reference.convolution_saturated_pairs(x, w, 0, **window).sum() == pairs / 2


def vbmi_runs(kernel: np.ndarray) -> list[np.ndarray]:
    """Weights of one input channel (kh,kw), in each order in which OpenVINO pairs them on AVX-512 with VBMI
    (docs/differences.md).
    """
    return [kernel.T.reshape(1, -1), kernel]


@pytest.mark.parametrize("shape", [(3, 3), (2, 5), (4, 2), (1, 5), (5, 1)])
def test_every_pair_along_a_kernel_of_one_input_channel_is_looked_at(shape: tuple[int, int]) -> None:
    """Two large weights alone clip, and no pair of neighbours is missing from what is called safe."""
    ways = pairings((1, 1, *shape))
    for runs in vbmi_runs(np.arange(np.prod(shape)).reshape(shape)):
        for run in runs:
            for pair in (run[k : k + 2] for k in range(0, len(run) - 1, 2)):
                w = np.zeros(np.prod(shape), np.int8)
                w[pair] = 127
                assert not safe_anywhere(w.reshape(1, 1, *shape), ways).any(), pair
