"""One pass for aligning and calibrating: its statistics are those of the aligned model (equation A1)."""

import msgpack
import numpy as np
import pytest

from numpot.ir.graph import Graph
from numpot.ir.interpreter import Interpreter
from numpot.quant.channels import aligned_statistics as aligned_pass
from numpot.quant.channels.aligned_statistics import align_and_collect
from numpot.quant.channels.aligned_sweeps import SampleSweeps
from numpot.quant.channels.channel_alignment import Change, find_pairs
from numpot.quant.default_quantization import quantize
from numpot.quant.parallel.pool import Alone
from numpot.quant.statistics.collection import Samples
from numpot.quant.statistics.statistic import Statistic

from ...networks import Network
from ..data.array_data import ArrayData, normal

X = normal(20, 3, 8, 8)
STATISTICS = [
    (reduction, aggregate, axis)
    for reduction in ("min", "max", "abs_max", "mean")
    for aggregate in ("min", "max", "mean", "median", "hl_estimator")
    for axis in (None, 1)
    if (reduction, axis) != ("mean", None)
]


def network() -> Graph:
    """Three layers in a row, which make two pairs, the outputs of the first of very different widths."""
    net = Network(seed=3)
    x = net.relu6(net.conv(net.input(-1, 3, 8, 8), 8, 3, stride=2, pad=1, name="stem"))
    y = net.conv(net.conv(net.conv(x, 6, name="squeeze"), 10, name="middle"), 16, name="expand")
    graph = net.result(net.matmul(net.mean(net.relu(y)), 5, name="head"))
    weights = graph.nodes["squeeze"].inputs[1].constant
    assert weights is not None
    graph.set_input(
        graph.nodes["squeeze"],
        1,
        graph.constant(weights * np.array([1, 30, 0.1, 5, 1, 0], np.float32).reshape(6, 1, 1, 1)),
    )
    return graph


class Passes(Samples):
    """Counts its passes."""

    count = 0

    def run(self, *args, **options):
        Passes.count += 1
        super().run(*args, **options)


@pytest.fixture
def samples():
    Passes.count = 0
    return Passes(ArrayData(X), 8, False, None, Alone())


def test_statistics_are_those_of_the_aligned_model(samples):
    graph = network()
    pairs = find_pairs(graph)
    assert [pair.producer.name for pair in pairs] == ["middle", "squeeze"]
    wanted = {pair.between: [Statistic(*which) for which in STATISTICS] for pair in pairs}
    align_and_collect(graph, pairs, samples, wanted)
    assert Passes.count == 1
    seen = {}
    Interpreter(graph).run(X, observer=lambda tensor, value: seen.update({tensor: value}))
    for tensor, statistics in wanted.items():
        for found, which in zip(statistics, STATISTICS, strict=True):
            expected = Statistic(*which)
            expected.update(seen[tensor])
            np.testing.assert_allclose(
                found.value,
                expected.value,
                rtol=0,
                atol=3e-6 * np.abs(seen[tensor]).max(),
                err_msg=str(which),
            )
            assert found.count == len(X)


@pytest.mark.parametrize(
    "reason", ["a quantile is wanted", "of a layer without its bias", "more samples than may be kept"]
)
def test_what_a_sweep_does_not_give_takes_two_passes(reason, samples, monkeypatch):
    graph = network()
    pairs = find_pairs(graph)
    how = {"quantile": 0.5} if reason == "a quantile is wanted" else {}
    collector, expected = (Statistic("quantile" if how else "max", "max", **how) for _ in range(2))
    tensor = pairs[1].producer.output if reason == "of a layer without its bias" else pairs[1].between
    if reason == "more samples than may be kept":
        monkeypatch.setattr(aligned_pass, "SAMPLE_BUDGET", len(X) - 1)
    align_and_collect(graph, pairs, samples, {tensor: [collector]})
    assert Passes.count == 2
    seen = {}
    Interpreter(graph).run(X, observer=lambda tensor, value: seen.update({tensor: value}))
    expected.update(seen[tensor])
    np.testing.assert_allclose(collector.value, expected.value, rtol=1e-5)


@pytest.mark.parametrize("preset", ["performance", "mixed", "accuracy"])
def test_a_model_is_the_same_after_one_pass_as_after_two(preset, monkeypatch):
    one = quantize(network(), ArrayData(X), preset=preset)
    monkeypatch.setattr(aligned_pass, "SAMPLE_BUDGET", 0)
    two = quantize(network(), ArrayData(X), preset=preset)
    assert [n.name for n in one] == [n.name for n in two]
    for node in two.of_type("Constant"):
        found, expected = one.nodes[node.name].output.constant, node.output.constant
        assert found is not None and expected is not None
        np.testing.assert_allclose(
            found, expected, rtol=1e-5, atol=1e-5 * float(np.abs(expected).max()), err_msg=node.name
        )


def test_sweeps_are_put_together_from_states_and_parts():
    whole, saved, other = SampleSweeps(), SampleSweeps(), SampleSweeps()
    whole.update(X)
    saved.update(X[:7])
    saved.update(X[7:9])
    other.update(X[9:])
    found = SampleSweeps()
    found.restore(msgpack.unpackb(msgpack.packb(saved.state())))
    found.merge(other)
    assert found.state() == whole.state() and found.count == len(X)
    change = Change(np.array([0.5, -1, 0], np.float32), np.array([2, 0.25, 1], np.float32))
    moved = (X - change.shift.reshape(3, 1, 1)) / change.scale.reshape(3, 1, 1)
    np.testing.assert_array_equal(found.aligned(change).reduce("min", 1), moved.min((2, 3)))
    np.testing.assert_array_equal(
        found.aligned(change).reduce("abs_max", None), np.abs(moved).max((1, 2, 3))[:, None]
    )
    with pytest.raises(ValueError, match=r"rows have the shape \(9, 3, 3\)"):
        found.restore(saved.state() | {"count": 8})
    with pytest.raises(ValueError, match="NaN or infinity"):
        found.update(np.where(X.max() == X, np.nan, X))
