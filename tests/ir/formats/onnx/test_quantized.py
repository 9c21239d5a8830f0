"""Quantized models: ours through a file and back, and those of onnxruntime's own quantizer."""

from typing import get_args

import numpy as np
import onnx
import onnxruntime as ort
import openvino as ov
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper

from numpot.ir.executor.executor import Executor
from numpot.ir.formats.onnx import OnnxError, load_onnx, read_onnx
from numpot.ir.formats.onnx.writer import to_model
from numpot.ir.graph import Graph
from numpot.ir.lowering.lower import Arithmetic, IntegerArithmetic, integer_layers
from numpot.quant import quantize
from numpot.quant.demo import load

from ....quant.material import MATERIAL, load_data, needs_material
from ...int8_networks import NETWORKS, RANGES, network, samples
from ...random_networks import inputs, networks
from ...vendors import onnxruntimes, openvinos
from .models import model

F = np.dtype(np.float32)


def through_a_file(graph: Graph) -> Graph:
    return load_onnx(to_model(graph).SerializeToString())


def run(graph: Graph, x: np.ndarray, arithmetic: Arithmetic = "exact") -> np.ndarray:
    (output,) = Executor(graph, arithmetic=arithmetic).run(x).values()
    return output


def run_onnxruntime_fast(blob: bytes, x: np.ndarray) -> np.ndarray:
    """With the optimizations that put integers in the place of QuantizeLinear and DequantizeLinear."""
    options = ort.SessionOptions()
    options.log_severity_level = 4
    session = ort.InferenceSession(blob, options, providers=["CPUExecutionProvider"])
    (output,) = session.run(None, {session.get_inputs()[0].name: x})
    return output


def run_openvino(blob: bytes, x: np.ndarray) -> np.ndarray:
    core = ov.Core()
    return core.compile_model(core.read_model(blob), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(x)[0]


# ---- there and back ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("input_range", RANGES)
@pytest.mark.parametrize("name", NETWORKS)
def test_a_file_keeps_every_bit_of_what_a_network_computes(name: str, input_range: str) -> None:
    graph, x = network(name, input_range), samples(name)
    graph.prune()  # some networks have branches that nobody reads
    again = through_a_file(graph)
    assert list(integer_layers(again).values()) == list(integer_layers(graph).values())
    for arithmetic in get_args(IntegerArithmetic) + ("simulated",):
        np.testing.assert_array_equal(run(again, x, arithmetic), run(graph, x, arithmetic))


@given(networks(int8=True), st.integers(1, 3))
@settings(max_examples=40)
def test_a_file_keeps_every_bit_of_any_network(graph: Graph, batch: int) -> None:
    """One without a code for real zero, on the way around a layer, comes back as arithmetic that no vendor's
    rule rounds differently.
    """
    x = inputs(graph, batch)
    again = through_a_file(graph)
    np.testing.assert_array_equal(run(again, x, "simulated"), run(graph, x, "simulated"))
    if len(again.of_type("FakeQuantize")) == len(graph.of_type("FakeQuantize")):
        np.testing.assert_array_equal(run(again, x), run(graph, x))
        assert {n.name for n in again.of_type("FakeQuantize")} == {
            n.name for n in graph.of_type("FakeQuantize")
        }


def test_the_demo_in_three_runtimes() -> None:
    fp32, calibration, test = load()
    graph = quantize(fp32, calibration, stat_subset_size=20, progress=False)
    blob = to_model(graph).SerializeToString()
    x, labels = (
        np.stack(values) for values in zip(*((test[i][0]["x"], test[i][1]) for i in range(500)), strict=True)
    )
    np.testing.assert_array_equal(run(load_onnx(blob), x), run(graph, x))
    for theirs, arithmetic, off in (
        (run_openvino(blob, x), openvinos(), 1),
        (run_onnxruntime_fast(blob, x), onnxruntimes(), 3),
    ):
        right, expected = (
            np.count_nonzero(y.argmax(1) == labels) for y in (theirs, run(graph, x, arithmetic))
        )
        # onnxruntime rounds biases, and runs layers in front of depthwise ones in float
        assert abs(right - expected) <= off


# ---- what others quantized ---------------------------------------------------------------------------------


@needs_material
@pytest.mark.parametrize(
    "name",
    [
        "digits_cnn",
        "digits_mlp",
        *(
            pytest.param(f"fmnist_{n}", marks=pytest.mark.slow)
            for n in ("mobilenet", "mobilenet_hard", "resnet")
        ),
    ],
)
def test_model_of_onnxruntimes_quantizer(name: str) -> None:
    """On onnxruntime's integers, and on OpenVINO's, of the same file; residual Adds round as each of them
    does.
    """
    blob = (MATERIAL / name / "peers" / f"{name}_ort_qdq.onnx").read_bytes()
    data, graph = load_data(name), load_onnx(blob)
    assert all(integer_layers(graph).values())
    x, labels = data.test, data.labels
    onnxruntimes_own: Arithmetic = "simulated" if onnxruntimes() == "exact" else onnxruntimes()
    for arithmetic, theirs in (
        (onnxruntimes_own, run_onnxruntime_fast(blob, x)),
        (openvinos(), run_openvino(blob, x)),
    ):
        ours = np.concatenate([run(graph, part, arithmetic) for part in np.array_split(x, 10)])
        right, expected = (np.count_nonzero(y.argmax(1) == labels) for y in (ours, theirs))
        assert abs(right - expected) <= max(1, len(labels) // 1000)  # 0.1 points
        assert np.mean(np.abs(ours - theirs)) < 0.005 * np.abs(theirs).max()


# ---- what a file may say -----------------------------------------------------------------------------------


def read(
    *nodes: onnx.NodeProto,
    opset: int = 21,
    shape: tuple[int | str, ...] = ("N", 4, 6, 6),
    **constants: object,
) -> Graph:
    arrays = {name: np.asarray(value) for name, value in constants.items()}
    return load_onnx(model(nodes, {"x": (F, shape)}, [nodes[-1].output[0]], arrays, opset))


def pair(x: str = "x", y: str = "y", **attributes: int) -> list[onnx.NodeProto]:
    quantize_node = helper.make_node(
        "QuantizeLinear", [x, "s", "z"], [f"{y}/codes"], name="quantize", **attributes
    )
    return [
        quantize_node,
        helper.make_node("DequantizeLinear", [f"{y}/codes", "s", "z"], [y], name="dequantize", **attributes),
    ]


@pytest.mark.parametrize("zero_point", [np.uint8(100), np.int8(-28)])
def test_a_pair_is_a_fake_quantize_from_the_first_code_to_the_last(zero_point: np.generic) -> None:
    graph = read(*pair(), s=np.float32(0.5), z=zero_point)
    (node,) = graph.of_type("FakeQuantize")
    assert [t.constant.item() for t in node.inputs[1:]] == [-50, 77.5, -50, 77.5]
    assert node.name == "quantize" and len(graph.of_type("Quantize", "Dequantize", "Divide")) == 0


def test_codes_pass_through_what_moves_them() -> None:
    """The form of models quantized operator by operator: MaxPool and Reshape of codes."""
    q, d = pair()
    pool = helper.make_node("MaxPool", ["y/codes"], ["pooled"], kernel_shape=[2, 2], strides=[2, 2])
    flat = helper.make_node("Flatten", ["pooled"], ["flat"])
    d.input[0] = "flat"
    graph = read(q, pool, flat, d, s=np.float32(0.5), z=np.uint8(3))
    assert [n.type for n in graph if n.type not in ("Constant", "Parameter", "Result")] == [
        "FakeQuantize",
        "MaxPool",
        "Flatten",
    ]


def test_weights_quantized_while_training_become_integers() -> None:
    """A float initializer behind QuantizeLinear and DequantizeLinear."""
    rng = np.random.default_rng(0)
    w = rng.normal(size=(5, 4, 1, 1)).astype(np.float32)
    conv = helper.make_node("Conv", ["a", "y"], ["out"], name="conv")
    activation = pair("x", "a")
    for node in activation:
        node.input[1], node.input[2] = "xs", "xz"
    graph = read(
        *activation,
        *pair("w", "y", axis=0),
        conv,
        w=w,
        s=np.full(5, 0.02, np.float32),
        z=np.zeros(5, np.int8),
        xs=np.float32(0.1),
        xz=np.uint8(0),
    )
    assert integer_layers(graph) == {"conv": True}


@pytest.mark.parametrize("axis", [0, 1])
def test_a_matrix_with_a_scale_for_each_column_runs_on_integers(axis: int) -> None:
    w = np.random.default_rng(1).integers(-127, 127, (6, 5)).astype(np.int8)
    weights = helper.make_node("DequantizeLinear", ["w", "ws"], ["wd"], axis=axis)
    product = helper.make_node("Gemm", ["y", "wd"], ["out"], name="product", transB=1 - axis)
    scale = np.linspace(0.01, 0.02, w.shape[axis]).astype(np.float32)
    graph = read(
        *pair(),
        weights,
        product,
        shape=("N", w.shape[1 - axis]),
        w=w,
        ws=scale,
        s=np.float32(0.5),
        z=np.uint8(3),
    )
    assert integer_layers(graph) == {"product": True}


@pytest.mark.parametrize(
    ("message", "constants", "attributes"),
    [
        ("a scale must be finite and above 0, found 0.0", {"s": np.float32(0), "z": np.uint8(0)}, {}),
        (
            "a scale of 3 values needs an axis of the tensor of rank 4, found 7",
            {"s": np.ones(3, np.float32), "z": np.zeros(3, np.uint8)},
            {"axis": 7},
        ),
        (
            "scale and zero point must be numbers or vectors of one length",
            {"s": np.ones(3, np.float32), "z": np.zeros(2, np.uint8)},
            {},
        ),
        ("block_size must be 0", {"s": np.float32(1), "z": np.uint8(0)}, {"block_size": 2}),
        ("element type UINT16 is not supported", {"s": np.float32(1), "z": np.uint16(0)}, {}),
    ],
)
def test_what_cannot_be_read_is_named(
    message: str, constants: dict[str, object], attributes: dict[str, int]
) -> None:
    with pytest.raises(OnnxError, match=message):
        read(*pair(**attributes), **constants)


def test_bounds_of_another_scale_are_not_believed() -> None:
    """Somebody changed the scale and left the metadata."""
    net = network("chain", "unsigned")
    proto = to_model(net)
    scale = next(t for t in proto.graph.initializer if t.name == "FakeQuantize/scale")
    scale.CopyFrom(onnx.numpy_helper.from_array(np.float32(0.5), scale.name))
    bounds = [
        t.constant.item() for t in read_onnx(proto.SerializeToString()).nodes["FakeQuantize"].inputs[1:3]
    ]
    assert bounds == [0, 127.5]
