"""Bounds of FakeQuantize: equations C1 to C4 of docs/calibration.md, by example and by property."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from numpot.quant.defaults import NARROW_RANGE, VANISHING
from numpot.quant.ranges.bounds import (
    asymmetric_range,
    lift_dead_channels,
    symmetric_range,
    symmetric_weight_range,
)
from numpot.quant.ranges.schemes import Scheme
from numpot.quant.ranges.weight_ranges import weight_bounds
from numpot.quant.settings.range_options import RangeEstimation
from numpot.quant.weights.int8_weights import quantize_weights

F32 = np.float32
SIZES = st.floats(2**-20, 2**20, width=32)
VALUES = st.floats(-1e4, 1e4, width=32)


def array(*values):
    return np.array(values, F32)


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        ([5, 2, 0], [5, 2, 0.05]),  # 1 % of the largest
        ([5, 0.04, 0.06], [5, 0.05, 0.06]),
        ([0, 0], [8e-5, 8e-5]),
        ([1e-3, 0], [1e-3, 8e-5]),  # 1 % would be 1e-5
        ([8.1e-5, 0], [8.1e-5, 8e-5]),  # POT's floor, as long as anything reaches it
        ([7e-5, 0], [7e-5, 7e-7]),
        ([1e-20, 0], [8e-5, 8e-5]),  # as good as zero
    ],
)
def test_dead_channels_are_lifted(given_, expected):
    """C1."""
    np.testing.assert_allclose(lift_dead_channels(array(*given_)), array(*expected), rtol=1e-6)


def test_symmetric_weights():
    """C2."""
    low, high = symmetric_weight_range(array(1, 3))
    assert (low.tolist(), high.tolist()) == ([-1, -3], [1, 3])


def test_symmetric_activations():
    """C3: [0, m] if nothing is negative; else 128 steps below zero, 127 above."""
    low, high = symmetric_range(array(0), array(6, 2), 256)
    assert (low.tolist(), high.tolist()) == ([0, 0], [6, 2])
    low, high = symmetric_range(array(-1e-6), array(6, 2), 256)
    assert high.tolist() == [6, 2]
    np.testing.assert_allclose(low, array(-6, -2) * F32(128) / F32(127), rtol=1e-6)


@given(SIZES, st.sampled_from([4, 15, 16, 256]), st.sampled_from([-1, 0]))
def test_zero_is_a_code_of_a_symmetric_range(size, levels, least):
    """Of one without negative values too, when codes below zero are asked for."""
    low, high = symmetric_range(array(least), array(size), levels, signed=True)
    code = -low.astype(float) / (high.astype(float) - low) * (levels - 1)
    np.testing.assert_allclose(code, levels // 2, atol=1e-3)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 6, (0, 6)),
        (1, 6, (0, 6)),  # zero is always inside
        (-6, -1, (-6, 0)),
        (-1, 1, (-128 / 127, 1)),  # zero falls on code 128 of rint(127.5); the low bound moves
        (-1, 254, (-1, 254)),  # on code 1 as it is
        (-1e-3, 6, (-1e-3, 6)),  # would fall on code 0: left alone
        (-6, 1e-3, (-6, 1e-3)),
        (0, 0, (-8e-4, 8e-4 * 128 / 127)),  # a dead tensor
    ],
)
def test_asymmetric_ranges(low, high, expected):
    """C4."""
    found = asymmetric_range(array(low), array(high))
    if (low, high) == (0, 0):
        assert found[1] - found[0] >= 1.6e-3
    else:
        np.testing.assert_allclose(np.concatenate(found), expected, rtol=1e-6)


@given(VALUES, VALUES, st.sampled_from([16, 255, 256]))
def test_asymmetric_ranges_hold_what_was_seen_and_zero_is_a_code(one, other, levels):
    low, high = min(one, other), max(one, other)
    (a,), (b,) = asymmetric_range(array(low), array(high), levels)
    tolerance = 1e-6 * (abs(low) + abs(high))
    assert a <= min(low, 0) + tolerance and b >= max(high, 0) - tolerance
    assert b - a >= 1.6e-3 * (1 - 1e-5) if high == low == 0 else b > a
    code = -float(a) / (float(b) - float(a)) * (levels - 1)
    first_or_last = min(code, levels - 1 - code) <= 0.5 + 1e-3
    assert first_or_last or abs(code - round(code)) < 1e-3


CHANNELS = st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=5)
# of numbers up to 2000, which thus stay below POT's floors
TINY = st.integers(-40, -25).map(lambda e: F32(2.0**e))


@given(CHANNELS)
def test_channels_of_any_size_that_pot_knows_do_not_see_each_other(pairs):
    """Those that reach its floor, or are zero."""
    low, high = (array(*(f(p) for p in pairs)) for f in (min, max))
    widths = np.maximum(high, 0) - np.minimum(low, 0)
    assume(((widths <= VANISHING) | (widths >= 1.01 * NARROW_RANGE)).all())
    together = asymmetric_range(low, high)
    alone = [asymmetric_range(low[i : i + 1], high[i : i + 1]) for i in range(len(pairs))]
    for side in (0, 1):
        np.testing.assert_array_equal(together[side], np.concatenate([bounds[side] for bounds in alone]))


def test_narrow_channels_beside_wide_ones_are_widened_as_in_pot():
    """C4: by 8e-4 on either side, then moved so that zero is a code."""
    low, high = asymmetric_range(array(-1, -1e-5, -8e-5), array(1, 1e-5, 2e-5))
    assert (high[1:] - low[1:] >= 1.6e-3).all() and (high[1:] - low[1:] <= 1.8e-3).all()


@given(st.lists(st.floats(0, 1000, width=32), min_size=1, max_size=5), TINY)
def test_symmetric_ranges_of_small_numbers_are_those_of_large_ones_scaled(sizes, tiny):
    """C1: nothing has a unit there but POT's floor, which a tensor that does not reach it does not know."""
    large = array(1000, *sizes)  # 1 % of it is above the floor
    np.testing.assert_array_equal(lift_dead_channels(large * tiny), lift_dead_channels(large) * tiny)


VALUES_TO_1000 = st.floats(-1000, 1000, width=32)


@given(st.lists(st.tuples(VALUES_TO_1000, VALUES_TO_1000), max_size=4), TINY, st.sampled_from([16, 256]))
def test_asymmetric_ranges_of_small_numbers_are_those_of_large_ones_scaled(pairs, tiny, levels):
    """C4: but for channels that are narrow, below 1 % of the widest; these are widened by that much."""
    low, high = (array(f(-1000, 1000), *(f(p) for p in pairs)) for f in (min, max))
    narrow = high - low <= 0.01 * 2000
    small, large = asymmetric_range(low * tiny, high * tiny, levels), asymmetric_range(low, high, levels)
    for found, expected in zip(small, large, strict=True):
        np.testing.assert_array_equal(found[~narrow], (expected * tiny)[~narrow])
    assert (small[1] - small[0] >= np.maximum(high - low, 20) * tiny * F32(0.999999)).all()


@given(st.integers(-40, 20), st.integers(0, 100), st.booleans(), st.sampled_from([4, 8]))
def test_weights_of_any_size_keep_their_function(exponent, seed, symmetric, bits):
    """Layers of 4 channels whose numbers are any power of two: what is rounded is as near as for ordinary
    weights.
    """
    ordinary = np.random.default_rng(seed).standard_normal((4, 30)).astype(F32)
    scheme = Scheme(bits, "symmetric" if symmetric else "asymmetric", "perchannel", is_weight=True)
    noise = []
    for weights in (ordinary, ordinary * F32(2.0**exponent)):
        codes = quantize_weights(
            weights, *weight_bounds(weights, 0, scheme, RangeEstimation()), scheme.levels
        )
        assert not codes.is_zero
        noise.append(np.square(codes.values - weights).sum() / np.square(weights, dtype=float).sum())
    assert noise[1] <= noise[0] * 1.1 + 1e-6


@pytest.mark.parametrize("shape", [(), (3,), (3, 1, 1, 1)])
def test_bounds_are_float32_of_the_shape_given(shape):
    values = np.full(shape, 2, F32)
    for bounds in (
        symmetric_weight_range(values),
        symmetric_range(-values, values, 256),
        asymmetric_range(-values, values),
    ):
        assert [(b.dtype, b.shape) for b in bounds] == [(np.dtype(F32), shape)] * 2
