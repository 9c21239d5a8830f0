"""Every cause of the list, provoked: by a runtime or a model that differs in this one way."""

import numpy as np
import pytest

from numpot.ir.graph import Graph, Node
from numpot.ir.ops.add import Add
from numpot.quant.compare import compare_models, compare_with_vendor
from numpot.quant.compare.forcing import without_fake_quantize

from ...ir.int8_networks import NETWORKS, network, samples
from ...networks import Network
from .stand_ins import Samples, causes, compare_with, numpot_itself

F32 = np.float32


def chain(low: float = 0, high: float = 255) -> Graph:
    """x -> FakeQuantize -> conv -> ReLU -> FakeQuantize -> conv -> y"""
    net = Network(int8=True)
    y = net.relu(net.conv(net.quantize(net.input(-1, 8, 4, 4), low, high), 8, name="first"))
    graph = net.result(net.conv(net.quantize(y, 0, 1500), 4, name="second"))
    graph.prune()
    return graph


def whole_codes() -> np.ndarray:
    """(4,8,4,4) float32 that every range of 0 to 255 holds exactly."""
    return np.random.default_rng(0).integers(1, 250, (4, 8, 4, 4)).astype(F32)


# ---- one model, two runtimes -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NETWORKS)
def test_nothing_differs_from_itself(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = network(name, "misaligned")
    graph.prune()
    found = compare_with(monkeypatch, numpot_itself(), graph, samples(name))
    assert found.first_difference is None and found.worst is None
    assert set(causes(found)) == {None}
    assert all(c.isolated.mismatches == 0 for c in [*found.layers, *found.outputs])


def test_rounding_tie(monkeypatch: pytest.MonkeyPatch) -> None:
    """A runtime that rounds halves up, where numpot rounds to even."""
    halves = whole_codes() + F32(0.5)
    found = compare_with(
        monkeypatch, numpot_itself(inputs=lambda x: np.nextafter(x, F32(np.inf))), chain(), halves
    )
    first = found.first_difference
    assert first is found.layers[0] and first.cause is not None and first.cause.label == "rounding tie"
    assert first.isolated.mismatches == np.count_nonzero(np.rint(halves) < halves)
    assert causes(found)[1:] == ["inherited"] * 2


def test_requantization_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """A runtime whose numbers are some units in the last place larger, next to a tie."""
    below = np.nextafter(whole_codes() + F32(0.5), F32(0))
    found = compare_with(monkeypatch, numpot_itself(inputs=lambda x: x * F32(1 + 1e-6)), chain(), below)
    assert causes(found)[0] == "requantization order"


def test_saturation_where_the_reference_does_not_saturate(monkeypatch: pytest.MonkeyPatch) -> None:
    large = F32(255) - whole_codes() / F32(8)
    found = compare_with(monkeypatch, numpot_itself("saturating"), chain(), large)
    assert causes(found)[1] == "saturation"
    assert found.layers[1].name == "first" and found.first_difference is found.layers[1]


def test_missing_fake_quantize(monkeypatch: pytest.MonkeyPatch) -> None:
    """A runtime that computes in float."""
    found = compare_with(
        monkeypatch, numpot_itself(edit=without_fake_quantize), chain(), whole_codes() + F32(0.3)
    )
    assert causes(found)[:2] == ["missing FakeQuantize"] * 2


def test_unexplained(monkeypatch: pytest.MonkeyPatch) -> None:
    """A runtime with another bias."""

    def with_other_bias(graph: Graph) -> Graph:
        graph = graph.copy()
        first = graph.nodes["first"]
        moved = graph.add(Add(), [first.output, graph.constant(np.full((1, 1, 1, 1), 9, F32))])
        graph.redirect(first.output, moved.output, but=[moved])
        return graph

    found = compare_with(monkeypatch, numpot_itself(edit=with_other_bias), chain(), whole_codes())
    assert causes(found)[:2] == [None, "unexplained"]


def test_fused_operator() -> None:
    """onnxruntime rounds both branches of a residual Add, numpot does so only in the arithmetic
    named for it.
    """
    pytest.importorskip("onnxruntime")
    graph = network("residual", "unsigned")
    graph.prune()
    small = Samples(samples("residual") / 8)  # nothing clips in any arithmetic
    as_onnxruntime = compare_with_vendor(graph, "onnxruntime", small, arithmetic="saturating-onnxruntime")
    assert not any(layer.point.fused for layer in as_onnxruntime.layers) and "fused operator" not in causes(
        as_onnxruntime
    )
    found = compare_with_vendor(graph, "onnxruntime", small, arithmetic="exact")
    (add,) = [c for c in found.layers if c.point.type == "Add"]
    assert add.cause is not None and add.cause.label == "fused operator" and len(add.point.fused) == 1
    assert all(name in add.cause.detail for name in add.point.fused)


def test_fused_by_openvino_alone() -> None:
    pytest.importorskip("openvino")
    graph = network("residual", "unsigned")
    graph.prune()
    found = compare_with_vendor(
        graph, "openvino", Samples(samples("residual") / 8), arithmetic="saturating-onnxruntime"
    )
    (add,) = [c for c in found.layers if c.point.type == "Add"]
    assert add.cause is not None and add.cause.label == "fused operator" and ", 0 if" in add.cause.detail


def test_bias_rounding() -> None:
    """onnxruntime rounds a bias to an integer, which moves sums by up to half a unit of a coarse scale."""
    pytest.importorskip("onnxruntime")
    net = Network(int8=True)
    y = net.relu(net.conv(net.quantize(net.input(-1, 8, 9, 9), 0, 255), 8, name="first"))
    graph = net.result(net.conv(net.quantize(y, 0, 60), 4))
    graph.prune()
    x = np.random.default_rng(0).integers(0, 256, (64, 8, 9, 9)).astype(F32)
    found = compare_with_vendor(graph, "onnxruntime", Samples(x))
    assert causes(found)[:2] == [None, "bias rounding"]


@pytest.mark.parametrize("vendor", ["openvino", "onnxruntime"])
def test_float_rounding(vendor: str) -> None:
    pytest.importorskip(vendor)
    net = Network()
    y = net.relu(net.conv(net.input(-1, 16, 6, 6), 16, 3, pad=1, name="first"))
    graph = net.result(net.matmul(net.mean(y), 5, name="second"))
    graph.prune()
    found = compare_with_vendor(
        graph, vendor, Samples(np.random.default_rng(0).standard_normal((4, 16, 6, 6)).astype(F32))
    )
    assert [c.name for c in found.layers] == ["first"] and [c.name for c in found.outputs] == ["second"]
    assert set(causes(found)) <= {"float rounding", "inherited", None}


# ---- two models --------------------------------------------------------------------------------------------


def two_layers(
    *, weight_noise: float = 0, low: float = 0, high: float = 8, int8: bool = True, skip: bool = False
) -> Graph:
    """conv -> ReLU -> conv, the weights equal in all variants but for the noise; skip: the second layer reads
    floats.
    """
    rng = np.random.default_rng(3)
    net = Network(int8=int8)
    w = [rng.integers(-127, 128, shape) / F32(127) for shape in ((8, 4, 1, 1), (6, 8, 1, 1))]
    x = net.quantize(net.input(-1, 4, 5, 5), low, high)

    def conv(x, w, name):
        attributes = {"strides": (1, 1), "pads_begin": (0, 0), "pads_end": (0, 0), "dilations": (1, 1)}
        noisy = (w + weight_noise * rng.standard_normal(w.shape)).astype(F32)
        return net.do(
            "Add", net.do("Convolution", x, noisy, name=name, **attributes), np.ones((1, len(w), 1, 1), F32)
        )

    y = net.relu(conv(x, w[0], "first"))
    graph = net.result(conv(y if skip else net.quantize(y, 0, 30), w[1], "second"))
    graph.prune()
    return graph


def inputs_up_to(high: float) -> Samples:
    return Samples(np.random.default_rng(5).uniform(0, high, (6, 4, 5, 5)).astype(F32))


def by_name(found) -> dict[str, str | None]:
    return {c.name: c.cause and c.cause.label for c in found.layers}


def test_rounding_of_inputs() -> None:
    found = compare_models(two_layers(), two_layers(int8=False), inputs_up_to(8), arithmetic="simulated")
    assert by_name(found) == {"first": "rounding of inputs", "second": "rounding of inputs"}
    assert found.first_difference is found.layers[0]
    assert causes(found)[-1] == "inherited" and found.outputs[0].cumulative.mismatches


def test_clipping_of_inputs() -> None:
    found = compare_models(
        two_layers(high=3), two_layers(int8=False), inputs_up_to(8), arithmetic="simulated"
    )
    assert by_name(found)["first"] == "clipping of inputs" and found.worst is found.layers[0]


def test_rounding_of_weights() -> None:
    found = compare_models(
        two_layers(weight_noise=0.1), two_layers(int8=False), inputs_up_to(8), arithmetic="simulated"
    )
    assert by_name(found) == {"first": "rounding of weights", "second": "rounding of weights"}


def test_a_layer_that_one_model_leaves_in_float() -> None:
    for model, reference, has in (
        (two_layers(), two_layers(skip=True), "model"),
        (two_layers(skip=True), two_layers(), "reference"),
    ):
        found = compare_models(model, reference, inputs_up_to(8), arithmetic="simulated")
        assert by_name(found) == {"first": None, "second": "missing FakeQuantize"}
        assert found.layers[1].cause is not None and found.layers[1].cause.detail.startswith(
            f"the {has} quantizes"
        )


def test_saturation_of_a_model() -> None:
    graph = chain()
    large = Samples(F32(255) - whole_codes() / F32(8))
    found = compare_models(graph, without_fake_quantize(graph), large, arithmetic="saturating")
    assert by_name(found)["first"] == "saturation"
    assert (
        by_name(compare_models(graph, without_fake_quantize(graph), large, arithmetic="exact"))["first"]
        == "rounding of inputs"
    )


def test_a_model_is_equal_to_itself() -> None:
    found = compare_models(chain(), chain(), Samples(whole_codes()))
    assert found.first_difference is None and set(causes(found)) == {None}


def test_float_rounding_of_models() -> None:
    def twice_half(graph: Graph) -> Graph:  # the same function, other roundings
        for node in [graph.nodes["first"], graph.nodes["second"]]:
            _scale_weights(graph, node, F32(1) + F32(2**-22))
        return graph

    found = compare_models(two_layers(int8=False), twice_half(two_layers(int8=False)), inputs_up_to(8))
    assert set(by_name(found).values()) == {"float rounding"}


def _scale_weights(graph: Graph, node: Node, factor: np.ndarray) -> None:
    weights = node.inputs[1].constant
    assert weights is not None
    graph.set_input(node, 1, graph.constant(weights * factor))
