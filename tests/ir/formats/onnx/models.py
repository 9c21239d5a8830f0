"""Small ONNX models, and the authority that runs them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from onnx import helper, numpy_helper

from numpot.ir.formats.onnx import read_onnx
from numpot.ir.graph import Graph
from numpot.ir.interpreter import Interpreter
from numpot.ir.lowering.lower import IntegerArithmetic
from numpot.ir.simplify.passes import simplify

Arrays = Mapping[str, np.ndarray]
F = np.dtype(np.float32)
CONV = [helper.make_node("Conv", ["x", "w", "b"], ["y"], name="conv")]


def normals(seed: int) -> Callable[..., np.ndarray]:
    """A function of a shape that draws float32 numbers; one for each file of tests, so that no file changes
    what another draws.
    """
    rng = np.random.default_rng(seed)
    return lambda *shape: rng.standard_normal(shape).astype(np.float32)


def node(
    type: str, inputs: list[str], outputs: list[str], name: str = "", **attributes: object
) -> onnx.NodeProto:
    return helper.make_node(type, inputs, outputs, name=name, **attributes)


def model(
    nodes: Sequence[onnx.NodeProto],
    inputs: Mapping[str, tuple[np.dtype, Sequence[int | str]]],
    outputs: Sequence[str],
    initializers: Arrays | None = None,
    opset: int = 17,
) -> bytes:
    """A model as bytes. inputs: name -> (dtype, dimensions, a symbol standing for a dimension left open)."""
    graph = helper.make_graph(
        nodes,
        "model",
        [
            helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(np.dtype(d)), list(s))
            for n, (d, s) in inputs.items()
        ],
        [onnx.ValueInfoProto(name=name) for name in outputs],
        [numpy_helper.from_array(np.asarray(a), n) for n, a in (initializers or {}).items()],
    )
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=11
    ).SerializeToString()


def run_onnxruntime(blob: bytes, feeds: Arrays) -> dict[str, np.ndarray]:
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    session = ort.InferenceSession(blob, options, providers=["CPUExecutionProvider"])
    return dict(zip((o.name for o in session.get_outputs()), session.run(None, dict(feeds)), strict=True))


def run(graph: Graph, feeds: Arrays, arithmetic: IntegerArithmetic = "exact") -> dict[str, np.ndarray]:
    with np.errstate(all="ignore"):
        return Interpreter(graph, arithmetic=arithmetic).run({p.name: feeds[p.name] for p in graph.inputs})


def assert_close(actual: Arrays, expected: Arrays, tolerance: float = 1e-5) -> None:
    """Same names, types and shapes; floats within a tolerance relative to the largest of the output, other
    types exactly.
    """
    assert list(actual) == list(expected)
    for name, want in expected.items():
        got = actual[name]
        assert (got.dtype, got.shape) == (want.dtype, want.shape), name
        finite = np.abs(want[np.isfinite(want)]) if want.dtype.kind == "f" else np.zeros(0)
        atol = (
            tolerance * finite.max(initial=0.0)
            if want.dtype != np.float16
            else 2e-3 * finite.max(initial=0.0)
        )
        np.testing.assert_allclose(got, want, rtol=0, atol=atol, err_msg=name)


def check(
    blob: bytes,
    feeds: Arrays,
    tolerance: float = 1e-5,
    arithmetic: IntegerArithmetic = "exact",
    **options: Any,
) -> Graph:
    """The model as read and as simplified gives what onnxruntime gives; returns the simplified graph."""
    expected = run_onnxruntime(blob, feeds)
    graph = read_onnx(blob, **options)
    assert_close(run(graph, feeds, arithmetic), expected, tolerance)
    simplify(graph)
    assert_close(run(graph, feeds, arithmetic), expected, tolerance)
    return graph
