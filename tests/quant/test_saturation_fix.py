"""Which layers get 7-bit weights, and that those can never clip."""

import numpy as np
import pytest

from numpot.ir.executor import Executor
from numpot.ir.graph import Graph
from numpot.ir.lowering import integer_weights
from numpot.kernels.saturation import provably_safe
from numpot.quant.default import quantize
from numpot.quant.saturation_fix import first_convolutions, layers_to_fix

from ..networks import Network
from .array_data import ArrayData, normal


def two_stems() -> Graph:
    """Input a meets a convolution, and, past a matrix product, another; input b only one that comes second for a."""
    net = Network()
    a, b = net.input(-1, 4, 8, 8, name="a"), net.input(-1, 4, 8, 8, name="b")
    first = net.relu(net.conv(a, 4, name="first"))
    late = net.conv(net.matmul(a, 8, name="product"), 4, name="late")
    both = net.conv(net.do("Concat", first, b, axis=1), 4, name="both")
    return net.result(net.conv(net.do("Add", both, late, name="sum"), 4, name="last"))


def names(nodes) -> set[str]:
    return {node.name for node in nodes}


def test_first_convolutions_are_those_that_an_input_reaches_without_passing_another():
    assert names(first_convolutions(two_stems())) == {"first", "late", "both"}


def test_modes():
    graph = two_stems()
    aligned = {graph.nodes["last"]}
    assert names(layers_to_fix(graph, "no", aligned)) == set()
    assert names(layers_to_fix(graph, "first_layer", aligned)) == {"first", "late", "both", "last"}
    assert names(layers_to_fix(graph, "all", set())) == {"first", "late", "both", "last", "product"}


def test_a_model_without_convolutions_is_left_alone():
    net = Network()
    graph = net.result(net.matmul(net.input(-1, 4), 4))
    assert not layers_to_fix(graph, "all", set())


class Signs(Network):
    """Weights of one size, so that pairs of large ones are everywhere."""

    def _normal(self, *shape: int) -> np.ndarray:
        return np.sign(super()._normal(*shape))


def wild_network() -> Graph:
    net = Signs()
    y = net.relu(net.conv(net.input(-1, 16, 6, 6), 16, 3, pad=1, name="first"))
    y = net.relu(net.conv(y, 16, 3, pad=1, name="second"))
    return net.result(net.matmul(net.mean(y), 4, name="head"))


@pytest.mark.parametrize(("mode", "safe"), [("no", set()), ("first_layer", {"first"}), ("all", {"first", "second", "head"})])
def test_seven_bit_layers_are_safe_and_others_clip(mode, safe):
    x = np.abs(normal(8, 16, 6, 6)) * 3
    graph = quantize(wild_network(), ArrayData(x), saturation_fix=mode)
    assert set(graph.info["quantization"]["seven_bit_weights"]) == safe
    for layer in graph.of_type("Convolution", "MatMul"):
        weights = integer_weights(layer.inputs[1])
        assert weights is not None
        codes = weights.codes if weights.codes.ndim == 4 else weights.codes[:, :, None, None]
        if layer.name in safe:
            assert codes.min() >= -63 and codes.max() == 64 and provably_safe(codes).all()
        else:
            assert codes.max() == 127 and not provably_safe(codes).any()
    executor = Executor(graph, arithmetic="saturating", count_saturation=True)
    executor.run(x)
    clipped = {layer.name for layer in executor.saturation if layer.saturated.any()}
    assert clipped == {"first", "second", "head"} - safe
    assert {layer.name for layer in executor.saturation if layer.provably_safe} == safe
