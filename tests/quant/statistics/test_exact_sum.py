"""Sums without rounding: equal to arithmetic in fractions, for every float32 there is, in every order and
every split.
"""

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from numpot.quant.statistics.exact_sum import ROWS, ExactSum

FINITE = st.floats(width=32, allow_nan=False, allow_infinity=False, allow_subnormal=True)
MATRICES = arrays(np.float32, array_shapes(min_dims=2, max_dims=2, max_side=8), elements=FINITE)


def fed(*parts: np.ndarray) -> ExactSum:
    total = ExactSum(parts[0].shape[1])
    for part in parts:
        total.add(part)
    return total


@given(MATRICES)
def test_the_mean_is_the_rounded_quotient_of_the_exact_sum(x):
    expected = [float(sum(map(Fraction, column.tolist())) / len(x)) for column in x.T]
    np.testing.assert_array_equal(fed(x).mean(len(x)), expected)


@given(MATRICES, st.data())
def test_neither_order_nor_split_changes_a_bit(x, data):
    order = data.draw(st.permutations(range(len(x))))
    cut = data.draw(st.integers(0, len(x)))
    merged = fed(x[order[:cut]])
    merged.merge(fed(x[order[cut:]]))
    np.testing.assert_array_equal(merged.limbs, fed(x).limbs)


def test_the_largest_numbers_many_times_over():
    """As many as one addition takes in, and one more; nothing overflows."""
    largest = np.finfo(np.float32).max
    for count in (ROWS, ROWS + 1, 5 * ROWS):
        assert fed(np.full((count, 1), largest, np.float32)).mean(count) == float(largest)
        assert fed(np.full((count, 1), -largest, np.float32)).mean(count) == -float(largest)
