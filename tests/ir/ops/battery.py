"""One call of an operator, and everything that can run it: its definition, the interpreter, the executor,
OpenVINO and onnxruntime.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import openvino as ov
import pytest
from onnx import helper

from numpot.ir.executor.executor import Executor
from numpot.ir.graph import Graph, Tensor
from numpot.ir.interpreter import Interpreter
from numpot.ir.ops import Operator
from numpot.ir.ops.parameter import Parameter
from numpot.ir.ops.result import Result

CORE = ov.Core()
OPENVINO_CONFIG = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}


@dataclass
class OnnxNode:
    """The same operator in ONNX, run by onnxruntime.

    order: for each ONNX input, the port of ours that feeds it (None: left out); by default all ports, in
    order.
    """

    type: str
    attributes: dict[str, Any] = field(default_factory=dict)
    opset: int = 21
    order: Sequence[int | None] | None = None


Vendor = Callable[..., Any] | OnnxNode


@dataclass
class Case:
    """One way to call an operator, and the vendor's operator that must give the same.

    vendor: a function of OpenVINO nodes that returns a node, or an OnnxNode; None when no vendor has the
    operator. constant_inputs: ports fed by Constants, besides the operator's value ports, which always are.
    rtol, atol: for floats; integers and booleans are compared exactly.
    """

    op: Operator
    inputs: list[np.ndarray]
    vendor: Vendor | None
    constant_inputs: tuple[int, ...] = ()
    rtol: float = 1e-5
    atol: float = 1e-6
    label: str = ""

    def __post_init__(self) -> None:
        # arithmetic on 0-dimensional arrays gives NumPy scalars
        self.inputs = [np.asarray(x) for x in self.inputs]

    def __str__(self) -> str:
        shapes = " ".join("x".join(map(str, x.shape)) or "scalar" for x in self.inputs)
        return f"{self.op.type}-{self.label or shapes}"

    def is_constant(self, port: int) -> bool:
        return port in self.constant_inputs or port in type(self.op).value_ports

    def feeds(self) -> dict[str, np.ndarray]:
        """The inputs that are not constants, by the names they have in every model made here."""
        return {f"x{port}": x for port, x in enumerate(self.inputs) if not self.is_constant(port)}


def build_graph(case: Case) -> Graph:
    """x0, x1, ... -> operator -> y0, y1, ..."""
    graph = Graph("case")
    ports: list[Tensor] = []
    for port, x in enumerate(case.inputs):
        if case.is_constant(port):
            ports.append(graph.constant(x, name=f"x{port}"))
        else:
            ports.append(graph.add(Parameter(element_type=x.dtype, shape=x.shape), name=f"x{port}").output)
    node = graph.add(case.op, ports, name="op")
    for i, output in enumerate(node.outputs):
        graph.add(Result(), [output], name=f"y{i}")
    return graph


def in_order(results: dict[str, np.ndarray]) -> list[np.ndarray]:
    return [results[f"y{i}"] for i in range(len(results))]


def run_interpreter(case: Case) -> list[np.ndarray]:
    with np.errstate(all="ignore"):
        return in_order(Interpreter(build_graph(case), arithmetic="simulated").run(case.feeds()))


def run_executor(case: Case) -> list[np.ndarray]:
    with np.errstate(all="ignore"):
        return in_order(Executor(build_graph(case), arithmetic="simulated").run(case.feeds()))


def run_vendor(case: Case) -> list[np.ndarray]:
    assert case.vendor is not None
    return (
        run_onnx(case, case.vendor) if isinstance(case.vendor, OnnxNode) else run_openvino(case, case.vendor)
    )


def run_openvino(case: Case, function: Callable[..., Any]) -> list[np.ndarray]:
    return run_model(CORE.compile_model(build_openvino(case, function), "CPU", OPENVINO_CONFIG), case)


def run_model(compiled: ov.CompiledModel, case: Case) -> list[np.ndarray]:
    results = compiled([x.copy() for x in case.feeds().values()])
    return [np.array(results[i]) for i in range(len(compiled.outputs))]


def build_openvino(case: Case, function: Callable[..., Any]) -> ov.Model:
    """x0, x1, ... -> the vendor's operators -> as many results as these have outputs."""
    parameters, ports = [], []
    for port, x in enumerate(case.inputs):
        if case.is_constant(port):
            ports.append(ov.opset15.constant(x))
        else:
            parameters.append(ov.opset15.parameter(list(x.shape), x.dtype, name=f"x{port}"))
            ports.append(parameters[-1])
    results = function(*ports)  # a node, or a list of outputs of several
    return ov.Model(results if isinstance(results, list) else results.outputs(), parameters, "case")


def run_onnx(case: Case, vendor: OnnxNode) -> list[np.ndarray]:
    order = range(len(case.inputs)) if vendor.order is None else vendor.order
    outputs = [f"y{i}" for i in range(len(build_graph(case).outputs))]
    node = helper.make_node(
        vendor.type, ["" if port is None else f"x{port}" for port in order], outputs, **vendor.attributes
    )
    used = {port: case.inputs[port] for port in order if port is not None}
    graph = helper.make_graph(
        [node],
        "case",
        [
            helper.make_tensor_value_info(f"x{port}", helper.np_dtype_to_tensor_dtype(x.dtype), x.shape)
            for port, x in used.items()
            if not case.is_constant(port)
        ],
        [onnx.ValueInfoProto(name=name) for name in outputs],
        [onnx.numpy_helper.from_array(x, f"x{port}") for port, x in used.items() if case.is_constant(port)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", vendor.opset)], ir_version=10)
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(outputs, {name: x for name, x in case.feeds().items() if int(name[1:]) in used})


def assert_same(
    actual: Sequence[np.ndarray], expected: Sequence[np.ndarray], rtol: float, atol: float
) -> None:
    """Same number of outputs, dtypes and shapes; floats close (NaN equals NaN), everything else equal."""
    assert len(actual) == len(expected)
    for a, e in zip(actual, expected, strict=True):
        assert (a.dtype, a.shape) == (e.dtype, e.shape)
        if a.dtype.kind == "f":
            np.testing.assert_allclose(a, e, rtol=rtol, atol=atol)
        else:
            np.testing.assert_array_equal(a, e)


def first_of_each(cases: Sequence[Case]) -> list[Case]:
    """One case for each operator."""
    return list({case.op.type: case for case in reversed(cases)}.values())


def slow_but(quick: Sequence[Case], cases: Sequence[Case]) -> list[Any]:
    """The cases, all but the quick ones marked slow."""
    ids = {id(case) for case in quick}
    return [case if id(case) in ids else pytest.param(case, marks=pytest.mark.slow) for case in cases]
