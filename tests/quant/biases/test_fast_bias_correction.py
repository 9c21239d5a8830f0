"""FastBiasCorrection: equation C8, when it is refused, and numpot's own correction, equation C9."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from numpot.ir import read_model
from numpot.ir.graph import Graph, Node
from numpot.quant import demo, quantize
from numpot.quant.biases.fast_bias_correction import (
    Means,
    MeanStatistics,
    correct_bias,
    correct_rounding,
    correctable,
)
from numpot.quant.layers.weighted_layers import bias_add, weighted_layers
from numpot.quant.statistics.collector import Collectors
from numpot.quant.statistics.statistic import collect

from ...networks import Network
from ..data.array_data import ArrayData, normal

X = normal(16, 6, 7, 7) + np.float32(1)


def one_layer(kind: str) -> Graph:
    net = Network(seed=3)
    x = net.input(-1, 6, 7, 7)
    if kind == "matmul":
        return net.result(net.matmul(net.mean(x), 5))
    return net.result(net.depthwise(x, kernel=1) if kind == "depthwise" else net.conv(x, 5))


def measured(graph: Graph) -> tuple[Node, Means]:
    """The layer of a network that has one, and its means over X."""
    (layer,) = correctable(weighted_layers(graph))
    wanted = Collectors()
    statistics = MeanStatistics.want(layer, wanted)
    collect(graph, [{"x": X}], wanted.by_tensor)
    return layer, statistics.values


def bias_of(layer: Node) -> Node:
    add = bias_add(layer)
    assert add is not None
    return add


def value(node: Node) -> np.ndarray:
    constant = node.inputs[1].constant
    assert constant is not None
    return constant


@pytest.mark.parametrize("kind", ["convolution", "depthwise", "matmul"])
def test_the_mean_of_every_channel_is_restored(kind):
    """With other weights and the new bias, the mean output over the samples is the old one (without padding
    this is exact).
    """
    graph = one_layer(kind)
    layer, means = measured(graph)
    bias = bias_of(layer)
    moved = value(layer) * np.float32(1.1) + np.float32(0.01)
    x = X.mean((2, 3)) if kind == "matmul" else X
    axes = (0,) if kind == "matmul" else (0, 2, 3)
    before = (layer.op.evaluate(x, value(layer)) + value(bias)).mean(axes)
    old = value(bias)
    assert correct_bias(graph, layer, means, moved)
    after = (layer.op.evaluate(x, moved) + value(bias)).mean(axes)
    np.testing.assert_allclose(after, before, rtol=1e-4, atol=1e-5)
    assert value(bias).shape == old.shape and not np.array_equal(value(bias), old)


def test_unchanged_weights_leave_the_bias_as_it_is():
    graph = one_layer("convolution")
    layer, means = measured(graph)
    old = value(bias_of(layer))
    correct_bias(graph, layer, means, value(layer))
    np.testing.assert_allclose(value(bias_of(layer)), old, rtol=1e-4, atol=1e-5)


def test_a_bias_that_would_move_too_far_is_left_alone():
    graph = one_layer("convolution")
    layer, means = measured(graph)
    old = value(bias_of(layer))
    assert not correct_bias(graph, layer, means, value(layer) * np.float32(100))
    np.testing.assert_array_equal(value(bias_of(layer)), old)


def test_padding_sees_zeros_at_the_border():
    """The layer is run on an input of the real size, so that its border counts as it does in the model (eq.
    C8).
    """
    net = Network(seed=3)
    graph = net.result(net.conv(net.input(-1, 6, 7, 7), 5, 3, pad=1))
    layer, means = measured(graph)
    bias = bias_of(layer)
    constant = np.broadcast_to(X.mean((0, 2, 3), dtype=np.float64)[:, None, None], (1, 6, 7, 7)).astype(
        np.float32
    )
    through = layer.op.evaluate(constant, value(layer)).mean((0, 2, 3))
    expected = (layer.op.evaluate(X, value(layer)) + value(bias)).mean((0, 2, 3)) - through
    assert correct_bias(graph, layer, means, value(layer))
    np.testing.assert_allclose(value(bias).ravel(), expected, rtol=1e-4, atol=1e-5)


def test_layers_with_a_bias_for_each_channel_can_be_corrected():
    net = Network()
    x = net.input(-1, 6, 7, 7)
    net.do("Result", net.conv(x, 5, bias=False))
    net.do("Result", net.do("Add", net.conv(x, 5, bias=False), np.float32(1)))  # one number for all channels
    graph = net.result(net.conv(x, 5, name="good"))
    assert [layer.name for layer in correctable(weighted_layers(graph))] == ["good"]


@pytest.mark.parametrize("zeros", [[2], [0, 4], range(5)])
def test_one_zero_stops_pots_correction_and_not_numpots(zeros):
    graph = one_layer("convolution")
    layer, _ = measured(graph)
    old = np.array(value(bias_of(layer)))
    old[:, list(zeros)] = 0
    graph.set_input(bias_of(layer), 1, graph.constant(old))
    layer, means = measured(graph)
    moved = value(layer) + np.float32(0.01)
    assert not correct_bias(graph, layer, means, moved, np.inf)
    np.testing.assert_array_equal(value(bias_of(layer)), old)
    correct_rounding(graph, layer, means, moved)
    assert np.all(value(bias_of(layer)) != old)


@pytest.mark.parametrize("kind", ["convolution", "depthwise", "matmul"])
def test_numpots_correction_restores_the_mean_of_every_channel(kind):
    """As POT's does where there is no padding (eq. C9)."""
    graph = one_layer(kind)
    layer, means = measured(graph)
    moved = value(layer) * np.float32(1.1) + np.float32(0.01)
    x = X.mean((2, 3)) if kind == "matmul" else X
    axes = (0,) if kind == "matmul" else (0, 2, 3)
    before = (layer.op.evaluate(x, value(layer)) + value(bias_of(layer))).mean(axes)
    correct_rounding(graph, layer, means, moved)
    after = (layer.op.evaluate(x, moved) + value(bias_of(layer))).mean(axes)
    np.testing.assert_allclose(after, before, rtol=1e-4, atol=1e-5)


def test_numpots_correction_is_nothing_where_nothing_was_rounded():
    """POT's is not: on a constant input, padding shifts the mean by itself."""
    net = Network(seed=3)
    graph = net.result(net.conv(net.input(-1, 6, 7, 7), 5, 3, pad=1))
    layer, means = measured(graph)
    old = value(bias_of(layer))
    correct_rounding(graph, layer, means, value(layer))
    np.testing.assert_array_equal(value(bias_of(layer)), old)
    assert correct_bias(graph, layer, means, value(layer), np.inf)
    assert np.abs(value(bias_of(layer)) - old).max() > 0.01


def digest() -> str:
    """Of all constants of the demo's model, quantized with eight pictures."""
    model = quantize(
        read_model(demo.MODEL), ArrayData(np.load(demo.CALIBRATION)["x"][:8]), stat_subset_size=8
    )
    constants = [node.outputs[0].constant for node in model if node.type == "Constant"]
    return hashlib.sha256(b"".join(c.tobytes() for c in constants if c is not None)).hexdigest()


def test_a_quantized_model_is_the_same_with_any_blas() -> None:
    """A BLAS adds in another order for another processor. OpenBLAS can be told which one to take; any other
    ignores it.
    """
    environment = os.environ | {"OPENBLAS_CORETYPE": "Prescott"}
    command = [
        sys.executable,
        "-c",
        "from tests.quant.biases.test_fast_bias_correction import digest; print(digest())",
    ]
    root = Path(__file__).parents[3]
    elsewhere = subprocess.run(
        command, env=environment, cwd=root, check=True, capture_output=True, text=True
    ).stdout.strip()
    assert elsewhere == digest()
