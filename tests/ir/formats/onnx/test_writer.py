"""Every operator written to ONNX: onnxruntime computes the same from the file, and reading it back gives the
same numbers.
"""

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import openvino as ov
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from numpot.ir.formats.onnx import OnnxError, read_onnx, write_onnx
from numpot.ir.formats.onnx.node_writer import LOWERED_ONLY, WRITERS
from numpot.ir.formats.onnx.writer import to_model
from numpot.ir.graph import Graph
from numpot.ir.interpreter import Interpreter
from numpot.ir.ops import OPERATORS

from ....networks import Network
from ...int8_networks import network, samples
from ...ops.battery import Case, assert_same, build_graph, first_of_each, run_interpreter, slow_but
from ...ops.test_contract import CASES
from ...random_networks import inputs, networks
from ...vendors import onnxruntimes, openvinos
from .models import assert_close, run, run_onnxruntime

STRUCTURE = {"Parameter", "Constant", "Result"}

#: What ONNX cannot say, by a part of the message.
REFUSED = {
    "before its layers were lowered to integers",
    "batch_dims must be 0",
    "sort 'index' does not exist",
    "pad_mode 'symmetric' does not exist",
    "with one zero point only",
    "exact integer arithmetic only",
    "nearest_mode 'simple' does not exist",
    "which must be known before the model runs",
    "ONNX has no reduction",
    "ONNX reduces updates with what was there before",
}

#: Cases that are right and that onnxruntime cannot run, by a part of its message or of the case's name.
ONNXRUNTIME_CANNOT = {
    "Type 'tensor(int32)' of "
    "input parameter (x0) of operator": "ONNX defines Floor, Ceil and MaxPool for few types",
    "Pad should be "
    "smaller than kernel": "it compares pads with the kernel, not with what a dilated kernel spans",
    "Product cannot be 0 in combination with -1": "allowzero with an empty batch",
}


def written(case: Case) -> bytes | None:
    """The file; None if the case is refused for a reason that is known."""
    try:
        return to_model(build_graph(case)).SerializeToString()
    except OnnxError as error:
        assert any(reason in str(error) for reason in REFUSED), error
        return None


def test_every_operator_has_a_writer() -> None:
    assert WRITERS.keys() == OPERATORS.keys() - STRUCTURE - LOWERED_ONLY


# one for each operator; the others are slow, together
FIRST = first_of_each(CASES)


@pytest.mark.parametrize("case", slow_but(FIRST, CASES), ids=str)
def test_reading_back_gives_the_same_numbers(case: Case) -> None:
    blob = written(case)
    # to the reader a 0 is a dimension left open
    if blob is not None and not any(0 in x.shape for x in case.inputs):
        with np.errstate(all="ignore"):
            again = run(read_onnx(blob), case.feeds())
        assert_same(list(again.values()), run_interpreter(case), 1e-6, 1e-6)


@pytest.mark.parametrize("case", slow_but(FIRST, CASES), ids=str)
def test_onnxruntime_agrees(case: Case) -> None:
    blob = written(case)
    if blob is None:
        return
    try:
        results = list(run_onnxruntime(blob, case.feeds()).values())
    except Exception as error:
        assert any(reason in str(error) for reason in ONNXRUNTIME_CANNOT), error
        return
    graph = build_graph(case)
    # its ConvInteger never saturates
    arithmetic = onnxruntimes(graph) if case.op.type == "MatMulInteger" else "exact"
    with np.errstate(all="ignore"):
        ours = Interpreter(
            graph, arithmetic=arithmetic if graph.of_type("MatMulInteger") else "simulated"
        ).run(case.feeds())
    assert_same(results, list(ours.values()), case.rtol, case.atol)


# ---- networks ----------------------------------------------------------------------------------------------


def optimized(blob: bytes, tmp_path: Path) -> Counter[str]:
    """The operators of the model as onnxruntime runs it."""
    options = ort.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
    options.log_severity_level = 4
    ort.InferenceSession(blob, options, providers=["CPUExecutionProvider"])
    return Counter(n.op_type for n in onnx.load(tmp_path / "optimized.onnx").graph.node)


@given(networks(int8=False), st.integers(1, 3))
@settings(max_examples=30)
def test_any_float_network(graph: Graph, batch: int) -> None:
    feeds, blob = {"x": inputs(graph, batch)}, to_model(graph).SerializeToString()
    expected = run(graph, feeds)
    assert_close(run_onnxruntime(blob, feeds), expected)
    np.testing.assert_array_equal(run(read_onnx(blob), feeds)["y"], expected["y"])


def test_quantized_network_becomes_integers_in_onnxruntime_and_openvino(tmp_path: Path) -> None:
    path, x = tmp_path / "int8.onnx", samples("chain")
    graph = network("chain", "symmetric")
    write_onnx(graph, path)
    assert optimized(path.read_bytes(), tmp_path)["QLinearConv"] == 1
    compiled = ov.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    kinds = [
        (i["layerType"].astype(str), i["runtimePrecision"].astype(str))
        for op in compiled.get_runtime_model().get_ops()
        if (i := op.get_rt_info())
    ]
    assert kinds.count(("Convolution", "u8")) == 2
    np.testing.assert_array_equal(compiled(x)[0], Interpreter(graph, arithmetic=openvinos()).run(x)["y"])


def test_float_network_is_written_in_the_form_that_runtimes_have_kernels_for(tmp_path: Path) -> None:
    net = Network()
    y = net.relu(net.conv(net.input(-1, 3, 6, 6), 4, 3, name="stem"))
    graph = net.result(net.matmul(net.mean(y), 5, name="head"))
    write_onnx(graph, tmp_path / "m.onnx")
    model = onnx.load(tmp_path / "m.onnx")
    assert [n.op_type for n in model.graph.node] == ["Conv", "Relu", "ReduceMean", "Gemm"]
    assert [d.dim_param or d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim] == [
        "N",
        3,
        6,
        6,
    ]
    assert [d.dim_param or d.dim_value for d in model.graph.output[0].type.tensor_type.shape.dim] == ["N", 5]


def test_a_result_that_nothing_computes_and_one_of_two_results_get_names() -> None:
    net = Network()
    x = net.input(-1, 4)
    y = net.relu(x)
    for name, tensor in (
        ("same", x),
        ("first", y),
        ("second", y),
        ("number", net.graph.constant(np.float32([1, 2]))),
    ):
        net.result(tensor, name)
    feeds = {"x": np.float32([[-1, 2, -3, 4]])}
    assert_close(run_onnxruntime(to_model(net.graph).SerializeToString(), feeds), run(net.graph, feeds))


def test_the_old_file_stays_when_a_model_cannot_be_written(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(b"old")
    net = Network()
    graph = net.result(
        net.do("TopK", net.input(1, 4), np.array(2), axis=1, mode="max", sort="index", name="best")
    )
    with pytest.raises(
        OnnxError, match=r"m.onnx: layer 'best' \(TopK\): sort 'index' does not exist in ONNX"
    ):
        write_onnx(graph, path)
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]
    with pytest.raises(OnnxError, match="cannot be written"):
        write_onnx(network("chain", "symmetric"), tmp_path / "nowhere" / "m.onnx")


def test_the_same_graph_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_onnx(network("depthwise", "symmetric"), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
