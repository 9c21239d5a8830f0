"""What stays in float because somebody said so."""

import numpy as np
import pytest

from numpot.ir.graph import Graph
from numpot.quant.default_quantization import quantize
from numpot.quant.placement.ignored_scope import Ignored
from numpot.quant.placement.placement import find_quantizers

from ...networks import Network
from ..data.array_data import ArrayData, normal


def layers() -> Graph:
    """Three convolutions, of which b has a stride, and a depthwise one."""
    net = Network()
    y = net.relu(net.conv(net.input(-1, 3, 8, 8), 4, name="a"))
    y = net.relu(net.conv(y, 4, 3, stride=2, pad=1, name="b"))
    return net.result(net.conv(net.depthwise(y, name="filter"), 4, name="c"))


def quantized_layers(graph: Graph, ignored: Ignored) -> set[str]:
    return {q.uses[0].node.name for q in find_quantizers(graph, ignored) if q.is_weight}


@pytest.mark.parametrize(
    ("operation", "left"),
    [
        ({"type": "Convolution"}, set()),
        ({"type": "Convolution", "attributes": {}}, set()),
        ({"type": "Convolution", "attributes": {"strides": [2, 2]}}, {"a", "filter", "c"}),
        # as OpenVINO writes it
        ({"type": "Convolution", "attributes": {"strides": "2,2"}}, {"a", "filter", "c"}),
        ({"type": "Convolution", "attributes": {"groups": 4}}, {"a", "b", "c"}),
        ({"type": "Convolution", "attributes": {"groups": 1, "strides": [1, 1]}}, {"b", "filter"}),
        # no such attribute
        ({"type": "Convolution", "attributes": {"dilation": 1}}, {"a", "b", "filter", "c"}),
        ({"type": "MatMul"}, {"a", "b", "filter", "c"}),
    ],
)
def test_operations_by_type_and_attributes(operation, left):
    assert quantized_layers(layers(), Ignored(operations=[operation])) == left


def attention() -> Graph:
    """Queries by keys, a projection, and the operators that model_type transformer leaves alone."""
    net = Network()
    x = net.input(-1, 6, 8)
    q, k = net.matmul(x, 8, name="q"), net.matmul(x, 8, name="k")
    scores = net.do("MatMul", q, k, transpose_b=True, name="scores")
    y = net.do("Tanh", net.do("Multiply", scores, x_like(net, scores), name="gate"))
    y = net.do("Tanh", net.do("Subtract", y, x_like(net, y), name="minus"))
    y = net.do("Tanh", net.do("Add", y, x_like(net, y), name="plus"))
    return net.result(net.do("ReduceMean", net.do("Tanh", y), np.array([1]), keep_dims=True, name="mean"))


def x_like(net: Network, tensor) -> object:
    # what reads an input directly may be preprocessing
    return net.do("Tanh", net.input(*tensor.shape, name=f"x{len(net.graph)}"))


def uses(graph: Graph, ignored: Ignored, device="ANY") -> set[str]:
    return {use.node.name for q in find_quantizers(graph, ignored, device) for use in q.uses}


def test_in_a_transformer_only_the_products_are_quantized():
    graph = attention()
    assert uses(graph, Ignored()) == {"q", "k", "scores", "gate", "minus", "plus", "mean"}
    assert uses(graph, Ignored(model_type="transformer")) == {"q", "k", "scores"}


def test_a_cpu_with_amx_quantizes_multiplications_too():
    assert uses(attention(), Ignored(model_type="transformer"), "CPU_SPR") == {"q", "k", "scores", "gate"}


@pytest.mark.parametrize("model_type", [None, "transformer"])
def test_products_of_two_tensors_are_symmetric_in_a_transformer(model_type):
    found = {
        q.name: q.symmetric
        for q in find_quantizers(attention(), Ignored(model_type=model_type))
        if not q.is_weight
    }
    symmetric = {name for name, flag in found.items() if flag}
    assert symmetric == ({"scores/fq_input_0", "scores/fq_input_1"} if model_type else set())


def test_symmetric_ranges_of_a_transformer_survive_preset_mixed():
    net = Network(seed=1)
    x = net.input(-1, 6, 8)
    q = net.do("Add", net.matmul(x, 8, name="q"), np.float32(3))  # far from symmetric
    graph = net.result(net.do("MatMul", q, net.matmul(x, 8, name="k"), transpose_b=True, name="scores"))
    data = ArrayData(normal(8, 6, 8))
    ratios = {}
    for model_type in (None, "transformer"):
        made = quantize(graph, data, preset="mixed", model_type=model_type)
        low, high = (made.nodes["scores/fq_input_0"].inputs[port].constant for port in (1, 2))
        ratios[model_type] = float(low / high)
    assert ratios["transformer"] == pytest.approx(-128 / 127)
    assert -0.9 < ratios[None] <= 0
