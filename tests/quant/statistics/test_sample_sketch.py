"""Sketches: exact within their budget, bounded beyond it, and the same whatever the order and the split."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from numpot.quant.statistics import robust_estimators as robust
from numpot.quant.statistics.sample_sketch import PENDING_ROWS, SampleSketch, real, sortable

FINITE = st.floats(width=32, allow_nan=False, allow_infinity=False)
MATRICES = arrays(np.float32, array_shapes(min_dims=2, max_dims=2, max_side=10), elements=FINITE)


def fed(*parts: np.ndarray, budget: int | None = None) -> SampleSketch:
    sketch = SampleSketch(parts[0].shape[1], budget)
    for part in parts:
        sketch.add(part)
    return sketch


def table(sketch: SampleSketch) -> tuple[int, list[int], list[int]]:
    sketch.settle()
    return sketch.shift, sketch.keys.tolist(), sketch.counts.tolist()


@given(arrays(np.float32, 20, elements=FINITE))
def test_keys_sort_as_numbers_do_and_come_back(x):
    np.testing.assert_array_equal(real(sortable(x)), x)
    np.testing.assert_array_equal(x[np.argsort(sortable(x), kind="stable")], np.sort(x))


@given(MATRICES)
def test_a_sketch_within_its_budget_holds_every_value(x):
    sketch = fed(x, budget=len(x))
    assert sketch.relative_error == 0
    for c in range(x.shape[1]):
        values, counts = np.unique(x[:, c] + np.float32(0), return_counts=True)
        found = sketch.channel(c)
        np.testing.assert_array_equal(found[0], values)
        np.testing.assert_array_equal(found[1], counts)


@given(MATRICES, st.integers(1, 4), st.data())
def test_neither_order_nor_split_changes_a_sketch(x, budget, data):
    """Beyond the budget too: what is dropped depends on the set of values alone."""
    order = data.draw(st.permutations(range(len(x))))
    cut = data.draw(st.integers(0, len(x)))
    merged = fed(x[order[:cut]], budget=budget)
    merged.merge(fed(x[order[cut:]], budget=budget))
    one_by_one = SampleSketch(x.shape[1], budget)
    for i in order:
        one_by_one.add(x[[i]])
        one_by_one.settle()
    assert table(fed(x, budget=budget)) == table(merged) == table(one_by_one)


@pytest.mark.parametrize("spread", [1e-3, 1, 8])
def test_a_sketch_beyond_its_budget_is_bounded_and_as_exact_as_it_says(spread):
    rng = np.random.default_rng(0)
    x = (np.exp(spread * rng.standard_normal((5000, 3))) * rng.choice([-1, 1], (5000, 3))).astype(np.float32)
    sketch = fed(*np.array_split(x, 77), budget=256)
    error = sketch.relative_error
    assert error > 0 and len(sketch.keys) <= 256 * 3 and len(sketch._pending) <= PENDING_ROWS
    for c in range(3):
        values, counts = sketch.channel(c)
        np.testing.assert_allclose(np.repeat(values, counts), np.sort(x[:, c]), rtol=error * (1 + 1e-12))


# ---- what is made of a table -------------------------------------------------------------------------------

NUMBERS = arrays(
    np.float64, st.integers(1, 40), elements=st.floats(-1e6, 1e6) | st.sampled_from([0.0, 1.0, 2.0])
)


def counted(x):
    return np.unique(x + 0.0, return_counts=True)


@given(NUMBERS, st.sampled_from([0, 1e-4, 0.01, 0.3, 0.5, 0.99, 1]))
def test_quantiles_are_numpys(x, q):
    np.testing.assert_allclose(robust.quantile(*counted(x), q), np.quantile(x, q), rtol=1e-12, atol=1e-9)


@given(NUMBERS)
def test_robust_means_are_those_of_their_definitions(x):
    low, high = np.quantile(x, 0.01), np.quantile(x, 0.99)
    inside = (x >= low) & (x <= high)
    kept = x[inside] if inside.any() else x  # of two numbers, both would be outliers
    np.testing.assert_allclose(robust.median(*counted(x)), np.median(x), rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(robust.mean_no_outliers(*counted(x)), kept.mean(), rtol=1e-9, atol=1e-6)
    np.testing.assert_allclose(robust.median_no_outliers(*counted(x)), np.median(kept), rtol=1e-9, atol=1e-6)


@given(NUMBERS)
def test_the_hodges_lehmann_estimator_is_that_of_all_pairs(x):
    i, j = np.tril_indices(len(x), -1)
    expected = np.median(x[i] + x[j]) / 2 if len(x) > 1 else x[0]
    np.testing.assert_allclose(robust.hodges_lehmann(*counted(x)), expected, rtol=1e-12, atol=1e-9)
