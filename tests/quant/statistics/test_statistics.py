"""What calibration remembers: equal to NumPy on the whole, whatever batches the samples arrive in."""

import gc
import tracemalloc
from typing import get_args

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from numpot.quant.data.loader import DataLoader
from numpot.quant.default_quantization import quantize
from numpot.quant.defaults import SAMPLE_BUDGET
from numpot.quant.errors import QuantizationError
from numpot.quant.settings.range_options import Aggregator, Reduction
from numpot.quant.statistics.histogram import Histogram
from numpot.quant.statistics.reductions import Observed
from numpot.quant.statistics.statistic import Statistic, collect

from ...networks import Network
from ..data.array_data import normal

CHANNELS = 32
X = np.random.default_rng(0).standard_normal((12, 4, 5, 3)).astype(np.float32)
REDUCTIONS = {
    "min": np.min,
    "max": np.max,
    "abs_max": lambda x, axis: np.max(np.abs(x), axis),
    "mean": np.mean,
}
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


def definition(x: np.ndarray, reduction: str, aggregate: str, axis: int | None, q: float) -> np.ndarray:
    """In plain NumPy, on all samples at once. x: (N, ...) -> () or (C,)."""
    rows = (
        x.reshape(len(x), 1, -1)
        if axis is None
        else np.moveaxis(x, axis, 1).reshape(len(x), x.shape[axis], -1)
    )
    by_quantile = {"quantile": rows, "abs_quantile": np.abs(rows)}
    if reduction in by_quantile:
        values = np.quantile(by_quantile[reduction], q, axis=2)
    else:
        values = (REDUCTIONS | {"mean": lambda x, axis: x.astype(np.float64).mean(axis)})[reduction](
            rows, axis=2
        )
    found = np.array(
        [aggregated(column, aggregate) for column in values.astype(np.float32).astype(np.float64).T]
    )
    return found[0] if axis is None else found


def aggregated(values: np.ndarray, aggregate: str) -> float:
    if aggregate in ("mean_no_outliers", "median_no_outliers"):
        inside = (values >= np.quantile(values, 0.01)) & (values <= np.quantile(values, 0.99))
        values = values[inside] if inside.any() else values
    if aggregate == "hl_estimator":
        i, j = np.tril_indices(len(values), -1)
        return float(np.median(values[i] + values[j]) / 2) if len(values) > 1 else float(values[0])
    return float(getattr(np, aggregate.removeprefix("batch_").removesuffix("_no_outliers"))(values))


STATISTICS = {
    "reduction": st.sampled_from(get_args(Reduction)),
    "aggregate": st.sampled_from(get_args(Aggregator)),
    "axis": st.sampled_from([None, 1, -1]),
    "q": st.sampled_from([1e-4, 0.5, 1 - 1e-4]),
    "x": arrays(np.float32, (6, 3, 4), elements=st.floats(-1e3, 1e3, width=32)),
}


@given(**STATISTICS)
def test_every_reduction_with_every_aggregate_is_its_definition(reduction, aggregate, axis, q, x):
    found = fed(Statistic(reduction, aggregate, axis, quantile=q), x, [2, 4]).value
    np.testing.assert_allclose(found, definition(x, reduction, aggregate, axis, q), rtol=1e-5, atol=1e-4)


@given(**STATISTICS, data=st.data())
def test_no_bit_depends_on_batches_order_or_who_saw_which_sample(reduction, aggregate, axis, q, x, data):
    def statistic():
        return Statistic(reduction, aggregate, axis, quantile=q, budget=data.draw(st.just(budget)))

    budget = data.draw(st.sampled_from([2, 512, None]))
    order, cut = data.draw(st.permutations(range(6))), data.draw(st.integers(0, 6))
    sizes = data.draw(st.sampled_from([[6], [1] * 6, [2, 4], [5, 1], [1, 2, 3]]))
    expected = fed(statistic(), x, sizes)
    parts = [fed(statistic(), x[order[a:b]], [b - a]) for a, b in ((0, cut), (cut, 6))]
    parts[0].merge(parts[1])
    saved = statistic()
    saved.restore(msgpack.unpackb(msgpack.packb(fed(statistic(), x[order[:cut]], [cut]).state())))
    saved.update(x[order[cut:]])
    for found in (parts[0], saved):
        assert found.state() == expected.state() and found.count == 6
        np.testing.assert_array_equal(found.value, expected.value)


def test_statistics_of_different_things_do_not_merge():
    with pytest.raises(ValueError, match="statistics differ: 'min mean axis=None' and 'max mean axis=None'"):
        Statistic("min", "mean").merge(Statistic("max", "mean"))


def peak_memory(samples: int, aggregate: str) -> int:
    """Bytes at most, while so many samples are taken in."""
    rng = np.random.default_rng(0)
    batch = rng.standard_normal((10, CHANNELS, 16)).astype(np.float32)
    collectors = [Statistic("abs_max", aggregate, 1), Histogram(1)]
    tracemalloc.start()
    try:
        for _ in range(samples // 10):
            rng.standard_normal(out=batch, dtype=np.float32)
            for collector in collectors:
                collector.update(batch)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("aggregate", ["min", "mean", "median", "hl_estimator"])
def test_memory_is_the_same_for_300_and_3000_samples(aggregate):
    """A median may still fill its budget of 512 values a channel, 16 bytes each, and needs that a few times
    while it sorts.
    """
    small, large = peak_memory(300, aggregate), peak_memory(3000, aggregate)
    if aggregate in ("min", "mean"):
        # not a byte for each further sample and channel; a histogram may get wider
        assert large - small < 2700 * CHANNELS
    else:
        assert large <= small + 5 * 16 * SAMPLE_BUDGET * CHANNELS
        assert peak_memory(6000, aggregate) <= 1.1 * large


class Drawn(DataLoader):
    """Samples that exist only while they are looked at."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __len__(self):
        return self._count

    def __getitem__(self, index):
        return np.random.default_rng(index).standard_normal((3, 8, 8), np.float32), None


@pytest.mark.parametrize("estimator", ["default", pytest.param("layer_noise", marks=pytest.mark.slow)])
def test_quantize_needs_no_more_memory_for_3000_samples_than_for_300(estimator):
    net = Network()
    y = net.relu6(net.conv(net.input(-1, 3, 8, 8), 16, name="stem"))
    graph = net.result(net.matmul(net.mean(net.relu(net.depthwise(net.relu(y), name="filter"))), 5))
    quantize(graph, Drawn(20), range_estimator=estimator)  # what is imported and compiled once does not count
    peaks = []
    for count in (300, 3000):
        gc.collect()  # what earlier tests left is not to be counted, or freed, in between
        tracemalloc.start()
        try:
            quantize(
                graph, Drawn(count), stat_subset_size=count, stat_batch_size=32, range_estimator=estimator
            )
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    # a tenth of the samples; measured: 5 % of a peak, either way
    assert peaks[1] - peaks[0] < 3000 * 3 * 8 * 8 * 4 / 10


def test_every_value_is_kept_when_that_is_asked_for():
    x = normal(2000, 1, 3)
    exact, sketched = (
        fed(Statistic("abs_max", "median", budget=budget), x, [2000]).value for budget in (None, 256)
    )
    expected = np.median(np.abs(x).max(axis=(1, 2)))
    assert exact == expected != sketched
    np.testing.assert_allclose(sketched, expected, rtol=0.01)


def test_images_may_lie_channels_last():
    """The executor hands them out so, as transposed views."""
    channels_last = np.ascontiguousarray(X.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    for axis in (None, 1):
        plain, other = (fed(Statistic("mean", "mean", axis), x, [12]).value for x in (X, channels_last))
        np.testing.assert_allclose(plain, other, rtol=1e-6)


def test_samples_that_are_vectors_or_single_numbers():
    assert fed(Statistic("max", "mean"), np.array([[1, 5], [3, 2]], np.float32), [2]).value == 4
    np.testing.assert_array_equal(
        fed(Statistic("mean", "mean", -1), np.array([[1, 5], [3, 2]], np.float32), [1, 1]).value, [2, 3.5]
    )
    assert fed(Statistic("abs_max", "max"), np.array([1, -7, 3], np.float32), [3]).value == 7


def test_the_mean_of_many_samples_loses_no_bits():
    x = np.full((100_000, 1), 0.1, np.float32)
    assert fed(Statistic("mean", "mean"), x, [50_000, 50_000]).value == np.float32(0.1)


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


@pytest.mark.parametrize("collector", [Statistic("min", "min"), Statistic("mean", "mean", 1), Histogram(1)])
def test_a_tensor_that_is_not_finite_is_named(collector):
    net = Network()
    x = net.input(-1, 4, 5, 3)
    y = net.do("Log", x, name="log")
    data = np.abs(X)
    data[7, 0, 0, 0] = 0
    with pytest.raises(QuantizationError) as caught:
        collect(net.result(y), ({"x": batch} for batch in np.split(data, 3)), {y: [collector]})
    assert str(caught.value).startswith(
        "tensor 'log' of model 'network' holds NaN or infinity on calibration samples 4 to 7; a range needs"
    )


def test_collectors_that_are_ahead_take_in_only_what_is_new():
    """As after a run that was interrupted: one has seen 5 samples, the other none, and the run starts over at
    0.
    """
    net = Network()
    x = net.input(-1, 4, 5, 3)
    ahead, behind = fed(Statistic("mean", "mean"), X[:5], [5]), Statistic("mean", "mean")
    collect(net.result(net.relu(x)), ({"x": batch} for batch in np.split(X, 3)), {x: [ahead, behind]})
    assert ahead.count == behind.count == 12 and ahead.state() == behind.state()


@pytest.mark.parametrize("positions", [1, 2, 3, 49, 196, 3136, 12544])
@pytest.mark.parametrize("q", [0.0, 1e-4, 0.9999, 1.0, 1e-3, 0.01])
def test_quantiles_of_images_are_numpys_to_the_last_bit(positions, q):
    x = (
        np.random.default_rng(positions)
        .standard_normal((2, positions, 1, 5))
        .astype(np.float32)
        .transpose(0, 3, 1, 2)
    )
    expected = np.quantile(x.reshape(2, 5, -1), [q], axis=2)[0].astype(np.float32)
    np.testing.assert_array_equal(Observed(x).reduce("quantile", 1, q), expected, strict=True)
