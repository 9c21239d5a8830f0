"""Differences of arrays, counted by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from numpot.quant.compare.differences import CodeDifference, Difference

F32 = np.float32


def of(kind: Difference, *pairs: tuple[list[float], list[float]], dtype: type = F32) -> Difference:
    for a, b in pairs:
        kind.add(np.array(a, dtype), np.array(b, dtype))
    return kind


def test_counts_the_largest_difference_and_sqnr_of_real_numbers() -> None:
    d = of(Difference(), ([1, 2, 3, 4], [1, 2, 3, 5]), ([0, 0], [3, 0]))
    assert (d.elements, d.mismatches, d.max_abs, d.peak) == (6, 2, 3, 5)
    assert d.relative == 3 / 5
    assert d.sqnr_db == pytest.approx(10 * np.log10((1 + 4 + 9 + 25 + 9) / (1 + 9)))


def test_equal_arrays_have_no_noise() -> None:
    d = of(Difference(), ([1, np.nan, np.inf, 0.0], [1, np.nan, np.inf, -0.0]))
    assert (d.mismatches, d.max_abs, d.relative, d.sqnr_db) == (0, 0, 0, None)


def test_what_is_finite_on_one_side_only_is_an_infinite_difference() -> None:
    for a, b in ((1, np.inf), (np.nan, 1), (np.inf, -np.inf)):
        d = of(Difference(), ([a, 1], [b, 1]))
        assert (d.mismatches, d.max_abs) == (1, np.inf)
        assert d.signal == 1 and d.noise == 0  # sums are over finite numbers


def test_noise_without_a_signal() -> None:
    d = of(Difference(), ([1], [0]))
    assert d.sqnr_db == -np.inf and d.relative == np.inf


def test_codes_are_counted_by_how_far_they_are_apart() -> None:
    d = CodeDifference(step=F32(0.5), low=F32(-1))
    of(d, ([0, 10, 255, 7], [0, 11, 0, 7]), dtype=np.uint8)
    assert (d.elements, d.mismatches, d.max_abs) == (4, 2, 255)
    assert {k: n for k, n in enumerate(d.by_codes) if n} == {0: 2, 1: 1, 255: 1}
    assert d.sqnr_db == pytest.approx(10 * np.log10((1 + 4.5**2 + 1 + 2.5**2) / (0.5**2 + 127.5**2)))


def test_codes_with_a_range_for_each_channel() -> None:
    d = CodeDifference(step=np.array([1, 2], F32).reshape(1, 2, 1), low=np.zeros((1, 2, 1), F32))
    d.add(np.array([[[1], [1]]], np.uint8), np.array([[[0], [2]]], np.uint8))
    assert d.noise == 1 + 4 and d.signal == 16 and d.by_codes[1] == 2


@given(arrays(F32, st.integers(0, 30), elements=st.floats(-10, 10, width=32)), st.integers(0, 30))
def test_batches_may_be_cut_anywhere(values: np.ndarray, cut: int) -> None:
    other = np.round(values)
    whole, parts = Difference(), Difference()
    whole.add(values, other)
    for a, b in ((values[:cut], other[:cut]), (values[cut:], other[cut:])):
        parts.add(a, b)
    assert (whole.elements, whole.mismatches, whole.max_abs, whole.peak) == (
        parts.elements,
        parts.mismatches,
        parts.max_abs,
        parts.peak,
    )
    assert whole.noise == pytest.approx(parts.noise) and whole.signal == pytest.approx(parts.signal)
