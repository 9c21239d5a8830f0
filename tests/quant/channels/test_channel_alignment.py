"""ActivationChannelAlignment: the function stays, the channels become alike (equations C5 and C6)."""

import numpy as np
import pytest

from numpot.ir.graph import Graph
from numpot.ir.interpreter import Interpreter
from numpot.quant.channels.channel_alignment import align, find_pairs
from numpot.quant.statistics.statistic import collect

from ...networks import Network
from ..data.array_data import normal

X = normal(8, 6, 7, 7)
STRETCH = np.array([1, 30, 0.1, 5], np.float32)


def stretched(first: str, kernel: int = 1, *, second_bias: bool = True, **second) -> Graph:
    """Two layers, the outputs of the first of very different widths."""
    net = Network(seed=2)
    x = net.input(-1, 6, 7, 7)
    y = (
        net.conv(net.depthwise(x), 4)
        if first == "convolution"
        else net.conv(x, 4)
        if first == "wide"
        else net.depthwise(x)
    )
    y = net.conv(y, 8, kernel, bias=second_bias, name="second", **second)
    graph = net.result(y)
    if first != "depthwise":
        layer = next(n for n in graph.of_type("Convolution") if n.output.shape[1] == 4)
        weights = layer.inputs[1].constant
        assert weights is not None
        graph.set_input(layer, 1, graph.constant(weights * STRETCH.reshape(4, 1, 1, 1)))
    return graph


def aligned(graph: Graph) -> Graph:
    twin = graph.copy()
    pairs = find_pairs(twin)
    assert pairs
    collect(twin, [{"x": X}], {pair.between: [pair.low, pair.high] for pair in pairs})
    for pair in pairs:
        align(twin, pair)
    return twin


@pytest.mark.parametrize("second_bias", [True, False])
@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize("first", ["convolution", "wide", "depthwise"])
def test_the_function_stays_the_same(first, kernel, second_bias):
    graph = stretched(first, kernel, second_bias=second_bias)
    expected = Interpreter(graph).run(X)["y"]
    found = Interpreter(aligned(graph)).run(X)["y"]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6 * float(np.abs(expected).max()))


def spans(graph: Graph) -> tuple[np.ndarray, np.ndarray]:
    """(middle, width) of each channel between the layers."""
    (pair,) = find_pairs(graph)[-1:]
    seen = {}
    Interpreter(graph).run(X, observer=lambda tensor, value: seen.update({tensor: value}))
    values = np.quantile(seen[pair.between].reshape(8, 4, -1), [1e-4, 1 - 1e-4], axis=2)
    low, high = np.median(values, axis=1)
    return (low + high) / 2, high - low


def test_channels_are_centred_and_of_one_width():
    graph = stretched("wide")
    middle, width = spans(graph)
    assert np.ptp(width) > 10 and np.abs(middle).max() > 0.1
    middle, width = spans(aligned(graph))
    np.testing.assert_allclose(width, np.median(width), rtol=1e-4)
    np.testing.assert_allclose(middle, 0, atol=1e-4 * float(width.max()))


def test_the_factor_is_limited():
    graph = stretched("wide")
    layer = find_pairs(graph)[-1].producer
    weights = layer.inputs[1].constant
    assert weights is not None
    graph.set_input(
        layer, 1, graph.constant(weights * np.array([1e6, 1, 1, 1], np.float32).reshape(4, 1, 1, 1))
    )
    before, after = (g.nodes["second"].inputs[1].constant for g in (graph, aligned(graph)))
    assert before is not None and after is not None
    np.testing.assert_allclose((after / before).max(), 100, rtol=1e-4)


def test_a_dead_channel_is_left_alone():
    graph = stretched("wide")
    layer = find_pairs(graph)[-1].producer
    weights = layer.inputs[1].constant
    assert weights is not None
    graph.set_input(
        layer, 1, graph.constant(weights * np.array([0, 1, 1, 1], np.float32).reshape(4, 1, 1, 1))
    )
    before, after = (g.nodes["second"].inputs[1].constant for g in (graph, aligned(graph)))
    assert before is not None and after is not None
    np.testing.assert_array_equal(after[:, 0], before[:, 0])


@pytest.mark.parametrize("second", [{"pad": 1}, {"stride": 2}, {"groups": 2, "kernel": 1}])
def test_layers_that_do_not_commute_are_no_pair(second):
    assert "second" not in [
        pair.consumer.name for pair in find_pairs(stretched("wide", **{"kernel": 3, **second}))
    ]


def test_an_activation_between_makes_no_pair():
    net = Network()
    assert not find_pairs(net.result(net.conv(net.relu(net.conv(net.input(-1, 6, 7, 7), 4)), 5)))


@pytest.mark.parametrize("read", ["with its bias", "without its bias"])
def test_a_second_reader_makes_no_pair(read):
    net = Network()
    y = net.conv(net.input(-1, 6, 7, 7), 4)
    net.do("Result", y if read == "with its bias" else y.producer.inputs[0], name="other")
    assert not find_pairs(net.result(net.conv(y, 5)))


def test_weights_that_two_layers_share_change_for_one_of_them_only():
    net = Network(seed=2)
    x = net.input(-1, 4, 7, 7)
    y = net.conv(x, 4)
    other = net.conv(x, 4)
    layer, twin = y.producer.inputs[0].producer, other.producer.inputs[0].producer
    net.graph.set_input(twin, 1, layer.inputs[1])
    net.do("Result", other, name="other")
    graph = net.result(net.conv(y, 5))
    (pair,) = find_pairs(graph)
    collect(graph, [{"x": X[:, :4]}], {pair.between: [pair.low, pair.high]})
    expected = Interpreter(graph).run(X[:, :4])
    align(graph, pair)
    found = Interpreter(graph).run(X[:, :4])
    np.testing.assert_array_equal(found["other"], expected["other"])
    np.testing.assert_allclose(found["y"], expected["y"], atol=1e-5)
