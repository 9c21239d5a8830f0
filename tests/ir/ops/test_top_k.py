"""TopK of equal elements against OpenVINO: the first ones when it sorts by value, any of them when it sorts
by index.
"""

import numpy as np
import pytest

from numpot.ir.ops.top_k import TopK

from .battery import Case, run_interpreter, run_vendor
from .cases_reductions import top_k

ROWS = np.random.default_rng(5).integers(0, 4, (40, 16)).astype(np.float32)


@pytest.mark.parametrize("k", [1, 2, 7])
@pytest.mark.parametrize("mode", ["max", "min"])
def test_sorted_by_value_equal_elements_keep_their_order(mode: str, k: int) -> None:
    case = Case(TopK(axis=1, mode=mode, sort="value"), [ROWS, np.array(k)], top_k(1, mode, "value"))
    for found, expected in zip(run_vendor(case), run_interpreter(case), strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("k", [1, 2, 7])
@pytest.mark.parametrize("mode", ["max", "min"])
def test_sorted_by_index_the_same_values_are_found_wherever_they_are(mode: str, k: int) -> None:
    case = Case(TopK(axis=1, mode=mode, sort="index"), [ROWS, np.array(k)], top_k(1, mode, "index"))
    first = np.sort(np.argsort(-ROWS if mode == "max" else ROWS, axis=1, stable=True)[:, :k])
    np.testing.assert_array_equal(run_interpreter(case)[1], first)
    for values, indices in (run_vendor(case), run_interpreter(case)):
        np.testing.assert_array_equal(np.sort(values), np.sort(np.take_along_axis(ROWS, first, 1)))
        np.testing.assert_array_equal(values, np.take_along_axis(ROWS, indices, 1))
        assert (np.diff(indices) > 0).all()
