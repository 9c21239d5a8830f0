import numpy as np
import pytest

from numpot.kernels.statistics.min_max_sum import min_max_sum


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 7, 5), (2, 100, 33), (1, 196, 16), (0, 4, 3), (2, 5, 0)])
def test_one_reading_gives_what_numpy_says(shape):
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32) * np.float32(1e3)
    low, high, total = min_max_sum(x)
    np.testing.assert_array_equal(low, x.min(axis=1), strict=True)
    np.testing.assert_array_equal(high, x.max(axis=1), strict=True)
    np.testing.assert_allclose(total, x.sum(axis=1, dtype=np.float64), rtol=1e-13, atol=1e-9, strict=True)


@pytest.mark.parametrize("position", [0, 3, 5])
def test_what_is_not_finite_is_seen(position):
    x = np.ones((1, 6, 2), np.float32)
    x[0, position, 1] = np.nan
    _, _, total = min_max_sum(x)
    assert np.isnan(total).tolist() == [[False, True]]
    x[0, position, 1] = -np.inf
    low, _, total = min_max_sum(x)
    assert low[0, 1] == total[0, 1] == -np.inf
