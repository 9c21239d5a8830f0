"""What calibration remembers: equal to NumPy on the whole, whatever batches the samples arrive in."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from numpot.quant.statistics import Statistic, collect

from ..networks import Network

X = np.random.default_rng(0).standard_normal((12, 4, 5, 3)).astype(np.float32)
REDUCTIONS = {"min": np.min, "max": np.max, "abs_max": lambda x, axis: np.max(np.abs(x), axis), "mean": np.mean}
AGGREGATES = {"min": np.min, "max": np.max, "mean": np.mean}


def fed(collector, x, sizes):
    """The collector, after x has arrived in batches of these sizes."""
    assert sum(sizes) == len(x)
    for batch in np.split(x, np.cumsum(sizes)[:-1]):
        collector.update(batch)
    return collector


@pytest.mark.parametrize("channel_axis", [None, 1, -1])
@pytest.mark.parametrize("aggregate", AGGREGATES)
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_a_statistic_is_numpys_on_the_whole(reduction, aggregate, channel_axis):
    axes = tuple(a for a in (1, 2, 3) if channel_axis is None or a != channel_axis % 4)
    expected = AGGREGATES[aggregate](REDUCTIONS[reduction](X.astype(np.float64), axis=axes), axis=0)
    found = fed(Statistic(reduction, aggregate, channel_axis), X, [5, 7]).value
    assert found.dtype == np.float32 and found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@settings(max_examples=30, deadline=None)
@given(
    arrays(np.float32, (6, 3, 4), elements=st.floats(-1e3, 1e3, width=32)),
    st.sampled_from([[6], [1] * 6, [2, 4], [5, 1], [1, 2, 3]]),
    st.sampled_from(list(REDUCTIONS)),
    st.sampled_from(list(AGGREGATES)),
    st.sampled_from([None, 1, -1]),
)
def test_batches_do_not_change_a_bit(x, sizes, reduction, aggregate, axis):
    one_by_one = fed(Statistic(reduction, aggregate, axis), x, [1] * 6).value
    np.testing.assert_array_equal(fed(Statistic(reduction, aggregate, axis), x, sizes).value, one_by_one)
    quantile = fed(Statistic("quantile", "median", 1, quantile=0.01), x, [1] * 6).value
    np.testing.assert_array_equal(fed(Statistic("quantile", "median", 1, quantile=0.01), x, sizes).value, quantile)


def test_images_may_lie_channels_last():
    """The executor hands them out so, as transposed views."""
    channels_last = np.ascontiguousarray(X.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    for axis in (None, 1):
        plain, other = (fed(Statistic("mean", "mean", axis), x, [12]).value for x in (X, channels_last))
        np.testing.assert_allclose(plain, other, rtol=1e-6)


def test_samples_that_are_vectors_or_single_numbers():
    assert fed(Statistic("max", "mean"), np.array([[1, 5], [3, 2]], np.float32), [2]).value == 4
    np.testing.assert_array_equal(fed(Statistic("mean", "mean", -1), np.array([[1, 5], [3, 2]], np.float32), [1, 1]).value, [2, 3.5])
    assert fed(Statistic("abs_max", "max"), np.array([1, -7, 3], np.float32), [3]).value == 7


def test_the_mean_of_many_samples_loses_no_bits():
    x = np.full((100_000, 1), 0.1, np.float32)
    assert fed(Statistic("mean", "mean"), x, [50_000, 50_000]).value == np.float32(0.1)


@pytest.mark.parametrize("quantile", [1e-4, 0.5, 1 - 1e-4])
def test_samples_keep_the_median_of_quantiles(quantile):
    expected = np.median(np.quantile(X.reshape(12, 4, -1), quantile, axis=2).astype(np.float32), axis=0)
    np.testing.assert_array_equal(fed(Statistic("quantile", "median", 1, quantile=quantile), X, [3, 9]).value, expected)


def test_nothing_seen_is_an_error():
    with pytest.raises(ValueError, match="no sample"):
        _ = Statistic("min", "min").value


def test_collect_lets_each_collector_see_its_tensor():
    net = Network()
    x = net.input(-1, 4, 5, 3)
    y = net.relu(x)
    graph = net.result(y)
    seen_x, seen_y, mean_y = Statistic("min", "min"), Statistic("min", "min"), Statistic("mean", "mean", 1)
    collect(graph, ({"x": batch} for batch in np.split(X, 3)), {x: [seen_x], y: [seen_y, mean_y]})
    assert (seen_x.value, seen_y.value) == (X.min(), 0)
    np.testing.assert_allclose(mean_y.value, np.maximum(X, 0).mean((0, 2, 3)), rtol=1e-6)
    assert mean_y.count == 12
