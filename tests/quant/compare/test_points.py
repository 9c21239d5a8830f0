"""Which tensors are compared."""

import numpy as np
import pytest

from numpot.ir.lowering.lower import for_arithmetic
from numpot.quant.compare import CompareError
from numpot.quant.compare.points import Grid, points_in_common, points_of_model

from ...ir.int8_networks import network
from ...networks import Network


def points(name: str):
    graph = network(name, "unsigned")
    graph.prune()
    return graph, points_of_model(graph, for_arithmetic(graph, "exact"))


def test_a_chain_is_compared_at_its_codes_and_its_output() -> None:
    _, found = points("chain")
    assert [(p.type, p.grid is not None, p.is_output) for p in found] == [
        ("Parameter", True, False),
        ("Convolution", True, False),
        ("Convolution", False, True),
    ]


def test_codes_that_nobody_stores_are_no_point_but_are_named() -> None:
    graph, found = points("residual")
    names = {p.tensor for p in found}
    (absorbed,) = [n.name for n in graph.of_type("FakeQuantize") if n.name not in names]
    assert [p.fused for p in found if p.type == "Add"] == [(absorbed,)]
    assert all(p.fused == () for p in found if p.type != "Add")


def test_layers_in_float_are_compared_behind_their_activation() -> None:
    net = Network()
    y = net.relu(net.conv(net.input(-1, 2, 4, 4), 3, name="first"))
    graph = net.result(net.conv(y, 3, name="second"))
    assert [(p.layer, p.tensor) for p in points_of_model(graph, graph)] == [
        ("first", "ReLU"),
        ("second", "y"),
    ]


def test_a_quantized_model_and_its_float_model_have_their_layers_in_common() -> None:
    def build(int8: bool):
        net = Network(int8=int8)
        x = net.quantize(net.input(-1, 4, 6, 6), 0, 1)
        a = net.relu(net.conv(x, 4, name="a"))
        b = net.conv(net.quantize(a, 0, 2), 4, name="b")
        return net.result(net.do("Add", net.quantize(a, 0, 2), net.quantize(b, 0, 2), name="sum"))

    found = points_in_common(build(True), build(False))
    assert [(p.layer, p.is_output) for p in found] == [
        ("a", False),
        ("b", False),
        ("sum", False),
        ("sum", True),
    ]
    assert found[0].tensor == found[0].reference == "ReLU"


def test_nothing_in_common() -> None:
    def build(name: str, outputs: int):
        net = Network()
        x = net.input(-1, 4)
        y = net.matmul(x, 3, name=name)
        for i in range(outputs):
            net.result(y, f"{name}{i}")
        return net.graph

    with pytest.raises(
        CompareError,
        match="no layer and no output in common: the model has layers 'mine'; the reference 'other'",
    ):
        points_in_common(build("mine", 2), build("other", 2))
    (only,) = points_in_common(build("mine", 1), build("other", 1))
    assert (only.tensor, only.reference) == ("mine0", "other0")


def test_codes_and_reals_of_a_grid() -> None:
    grid = Grid(
        np.array([-1, 0], np.float32).reshape(1, 2, 1), np.array([1, 510], np.float32).reshape(1, 2, 1)
    )
    codes = np.arange(256, dtype=np.uint8).reshape(1, 1, 256).repeat(2, axis=1)
    np.testing.assert_array_equal(grid.codes(grid.real(codes)), codes)
    np.testing.assert_array_equal(grid.real(codes)[0, 1], 2 * np.arange(256))
    np.testing.assert_array_equal(grid.codes(np.full((1, 2, 1), np.float32(1e9))), np.full((1, 2, 1), 255))
