"""What `saturation` does not count is said, with the reason."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

from numpot.ir import Graph, read_model, save_model
from numpot.ir.dtypes import F32
from numpot.ir.graph import Tensor
from numpot.ir.lowering.lower import integer_layers
from numpot.quant import demo, quantize
from numpot.quant.errors import QuantizationError
from numpot.quant.weights.measure_saturation import measure_saturation, uncounted_layers

from ...ir.random_networks import networks
from ...networks import Network
from ..cli.command_line import invoke
from ..data.array_data import ArrayData, normal


@settings(max_examples=40, deadline=None)
@given(networks(int8=True))
def test_every_layer_with_int8_weights_is_counted_or_named(graph: Graph) -> None:
    graph.prune()
    on_integers = integer_layers(graph)
    assert uncounted_layers(graph).keys() == {name for name, integer in on_integers.items() if not integer}


@settings(max_examples=20, deadline=None)
@given(networks(int8=False))
def test_of_a_float_model_nothing_is_named(graph: Graph) -> None:
    assert uncounted_layers(graph) == {}


def codes(net: Network, kind: type, *shape: int) -> Tensor:
    return net.do("Convert", net.rng.integers(0, 100, shape).astype(kind), destination_type=F32)


def int8_weights(net: Network) -> Tensor:
    return net.do("Multiply", codes(net, np.int8, 5, 4), np.full((5, 1), 0.01, np.float32))


def real_weights(net: Network) -> Tensor:
    ends = [np.float32(-1), np.float32(1)] * 2
    return net.do("FakeQuantize", normal(5, 4), *ends, levels=255)


def quantized(net: Network, x: Tensor) -> Tensor:
    return net.quantize(x, 0, 3)


Make = Callable[[Network], Tensor]
WEIGHTS: dict[str, Make] = {
    "weights have a zero point": lambda net: net.do(
        "Multiply",
        net.do("Subtract", codes(net, np.int8, 5, 4), np.full((5, 1), 3, np.float32)),
        np.full((5, 1), 0.01, np.float32),
    ),
    "weights are stored as u8, not as int8": lambda net: net.do(
        "Multiply", codes(net, np.uint8, 5, 4), np.float32(0.01).reshape(1, 1)
    ),
    "the scale of weights changes within an output channel": lambda net: net.do(
        "Multiply", codes(net, np.int8, 5, 4), np.linspace(0.01, 0.02, 4, dtype=np.float32).reshape(1, 4)
    ),
    "weights are real numbers behind a FakeQuantize": real_weights,
}


def model(reason: str) -> Graph:
    """`odd` stays in float for this reason; `sound` runs on integers."""
    net = Network(int8=True)
    x = net.input(-1, 4)
    y = quantized(net, x)
    if reason in WEIGHTS:
        odd = net.do("MatMul", y, WEIGHTS[reason](net), transpose_b=True, name="odd")
    elif reason == "input is not quantized to 8 bits":
        odd = net.do("MatMul", x, int8_weights(net), transpose_b=True, name="odd")
    elif reason == "input has a scale for each channel":
        odd = net.do(
            "MatMul",
            net.quantize(x, np.zeros(4), np.linspace(1, 2, 4)),
            int8_weights(net),
            transpose_b=True,
            name="odd",
        )
    else:
        assert reason == "weights are not quantized"
        odd = net.do("MatMul", y, normal(5, 4), transpose_b=True, name="odd")
    return net.result(net.matmul(quantized(net, odd), 3, name="sound"))


REASONS = [
    *WEIGHTS,
    "input is not quantized to 8 bits",
    "input has a scale for each channel",
    "weights are not quantized",
]


@pytest.mark.parametrize("reason", REASONS)
def test_the_reason(reason: str) -> None:
    graph = model(reason)
    assert uncounted_layers(graph) == {"odd": reason}
    assert [layer.name for layer in measure_saturation(graph, ArrayData(normal(3, 4)))] == ["sound"]


@pytest.mark.parametrize("reason", REASONS)
def test_on_the_command_line(reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    save_model(model(reason), "m.xml")
    np.savez("x.npz", x=normal(3, 4))
    found = json.loads(invoke("saturation", "m.xml", "--data", "x.npz", "--json").stdout)
    assert found["not_counted"] == [{"name": "odd", "why": reason}]
    printed = invoke("saturation", "m.xml", "--data", "x.npz").stdout
    assert f"not counted: 'odd' in float here ({reason})" in printed
    assert ("onnxruntime computes such a layer on integers" in printed) == (
        reason == "weights have a zero point"
    )


def test_a_model_of_onnx_whose_weights_have_zero_points(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    fp32, calibration, test = demo.load()
    save_model(quantize(fp32, calibration, preset="accuracy", stat_subset_size=8), tmp_path / "m.onnx")
    with pytest.raises(
        QuantizationError,
        match="no integer layer, so nothing can be counted; not counted: .* and 21 more in float here",
    ) as e:
        measure_saturation(read_model(tmp_path / "m.onnx"), test, limit=1)
    assert "weights have a zero point" in str(
        e.value
    ) and "onnxruntime computes such a layer on integers" in str(e.value)
    assert "quantize it first" not in str(e.value)
