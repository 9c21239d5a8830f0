"""BiasCorrection: after it, every layer's mean output is the float model's, though all weights
are rounded.
"""

import numpy as np
import pytest

from numpot.ir.graph import Graph
from numpot.ir.interpreter import Interpreter
from numpot.quant.biases.bias_correction import biased_output, correct_in_order
from numpot.quant.layers.subgraph import with_batch
from numpot.quant.layers.weighted_layers import prepare, replace_constant, weighted_layers

from ...networks import Network
from ..data.array_data import normal

X = normal(6, 3, 8, 8) + np.float32(0.5)
INPUTS = [{"x": sample[None]} for sample in X]


def chain() -> Graph:
    net = Network(seed=1)
    y = net.relu(net.conv(net.input(-1, 3, 8, 8), 4, 3, pad=1))
    return net.result(net.matmul(net.mean(net.relu(net.conv(y, 6))), 5))


def residual() -> Graph:
    """A block with a shortcut, a depthwise layer, and two heads of which one ends early."""
    net = Network(seed=2)
    x = net.relu(net.conv(net.input(-1, 3, 8, 8), 4, 3, pad=1))
    y = net.conv(net.relu6(net.depthwise(net.relu(net.conv(x, 4)))), 4)
    net.do("Result", net.conv(x, 3), name="early")
    return net.result(net.conv(net.relu(net.do("Add", x, y)), 2))


def split() -> Graph:
    net = Network(seed=3)
    x = net.conv(net.input(-1, 3, 8, 8), 4)
    parts = net.do("Split", x, np.array(1), num_splits=2).producer.outputs
    return net.result(net.do("Concat", net.conv(parts[0], 3), net.conv(parts[1], 3), axis=1))


def rounded(graph: Graph) -> Graph:
    """Weights a long way off."""
    twin = with_batch(graph, 1)
    for layer in weighted_layers(twin):
        weights = layer.inputs[1].constant
        assert weights is not None
        replace_constant(twin, layer, 1, np.round(weights * 2) / np.float32(2))
    return twin


def means(graph: Graph) -> dict[str, np.ndarray]:
    """Layer -> the mean over the samples of each channel of its biased output, by the interpreter."""
    ends = {biased_output(layer): layer for layer in weighted_layers(graph)}
    found: dict[str, list[np.ndarray]] = {layer.name: [] for layer in ends.values()}
    for sample in INPUTS:

        def observe(tensor, value):
            if tensor in ends:
                found[ends[tensor].name].append(value.mean(tuple(range(2, value.ndim)))[0])

        Interpreter(graph).run(sample, observer=observe)
    return {name: np.mean(values, axis=0) for name, values in found.items()}


@pytest.mark.parametrize("make", [chain, residual, split])
def test_every_mean_is_restored(make):
    graph = make()
    prepare(graph)
    targets, off = means(graph), rounded(graph)
    before = means(off)
    assert correct_in_order(off, with_batch(off, 1), targets, INPUTS, None) == [
        layer.name for layer in weighted_layers(off)
    ]
    after = means(off)
    for name, target in targets.items():
        np.testing.assert_allclose(after[name], target, rtol=1e-4, atol=1e-5, err_msg=name)
    assert max(np.abs(before[name] - targets[name]).max() for name in targets) > 0.05


def test_what_was_not_rounded_is_not_corrected():
    graph = chain()
    biases = {
        layer.name: biased_output(layer).producer.inputs[1].constant for layer in weighted_layers(graph)
    }
    correct_in_order(graph, with_batch(graph, 1), means(graph), INPUTS, None)
    for layer in weighted_layers(graph):
        np.testing.assert_allclose(
            biased_output(layer).producer.inputs[1].constant, biases[layer.name], rtol=0, atol=1e-5
        )


def test_a_layer_left_alone_is_corrected_for_by_the_next():
    """A zero in its bias stops POT's rule, and the layers behind still see what it does."""
    graph = chain()
    first, *others = weighted_layers(graph)
    add = biased_output(first).producer
    bias = np.array(add.inputs[1].constant)
    bias[:, 1] = 0
    replace_constant(graph, add, 1, bias)
    targets, off = means(graph), rounded(graph)
    assert correct_in_order(off, with_batch(off, 1), targets, INPUTS, 1000.0) == [
        layer.name for layer in others
    ]
    np.testing.assert_array_equal(off.nodes[add.name].inputs[1].constant, bias)
    after = means(off)
    for layer in others:
        np.testing.assert_allclose(after[layer.name], targets[layer.name], rtol=1e-4, atol=1e-5)


def test_the_threshold_is_a_factor_of_the_bias():
    graph = chain()
    targets, off = means(graph), rounded(graph)
    assert correct_in_order(off, with_batch(off, 1), targets, INPUTS, 1e-6) == []
