import numpy as np
import pytest

from numpot.kernels.statistics.extreme_values import extreme_values


@pytest.mark.parametrize(
    ("shape", "count"), [((1, 1, 1), 1), ((3, 7, 5), 7), ((2, 100, 33), 4), ((0, 4, 3), 2)]
)
def test_the_ends_of_what_numpy_sorts(shape, count):
    x = np.random.default_rng(0).standard_normal(shape).round(1).astype(np.float32)
    low, high = extreme_values(x, count)
    np.testing.assert_array_equal(low, np.sort(x, axis=1)[:, :count], strict=True)
    np.testing.assert_array_equal(high, np.sort(x, axis=1)[:, ::-1][:, :count], strict=True)


def test_a_channel_with_nan_has_no_ends():
    x = np.ones((1, 6, 2), np.float32)
    x[0, 3, 1] = np.nan
    for ends in extreme_values(x, 2):
        assert np.isnan(ends).tolist() == [[[False, True]] * 2]
