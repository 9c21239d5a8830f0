"""A Graph -> an ONNX file, node by node."""

import json
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, checker, helper, numpy_helper

from ..atomic import replacing
from ..dtypes import BY_NAME, NAMES
from ..errors import AnyPath
from ..graph import Graph, Tensor
from ..shapes import PROBE_BATCHES
from . import families  # noqa: F401  (importing them fills the table of writers)
from .emitter import IR_VERSION, OPSET, Target
from .errors import OnnxError
from .node import INFO

MAX_BYTES = 2**31 - 2**20  # protobuf's limit, with room for what is not an array


def write_onnx(graph: Graph, path: AnyPath) -> None:
    """Write a model as ONNX: a float one as it is, a quantized one with QuantizeLinear and DequantizeLinear (docs/onnx.md).

    The file at `path` is replaced when the new one is complete, or stays as it was. Raises OnnxError, naming the file and the layer.
    """
    path = Path(path)
    try:
        data = to_model(graph).SerializeToString(deterministic=True)
        with replacing([path]) as (file,):
            file.write(data)
    except OSError as error:
        raise OnnxError(f"{path}: cannot be written ({error.strerror or error})") from error
    except OnnxError as error:
        raise OnnxError(f"{path}: {error}") from error


def to_model(graph: Graph) -> ModelProto:
    """The ONNX model of a graph, checked by the package `onnx`. The batch stays open where the graph leaves it open."""
    target = Target(graph)
    _check_element_types(graph)
    for node in graph.topological_order():
        if node.type == "Result":
            _write_result(node.inputs[0], node.name, target)
        elif node.type not in ("Parameter", "Constant"):
            target.write(node)
    nodes, arrays = _live(target, [r.name for r in graph.outputs])
    if sum(a.nbytes for a in arrays.values()) > MAX_BYTES:
        raise OnnxError("a model above 2 GB does not fit into one ONNX file; save it as numpot's .xml and .bin")
    proto = helper.make_graph(
        nodes,
        graph.name,
        [_value_info(p.output, p.name) for p in graph.inputs],
        [_value_info(r.output, r.name) for r in graph.outputs],
        [numpy_helper.from_array(np.ascontiguousarray(a).reshape(a.shape), name) for name, a in arrays.items()],
    )
    model = helper.make_model(proto, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    model.producer_name, model.producer_version = "numpot", version("numpot")
    if graph.info:
        model.metadata_props.add(key=INFO, value=json.dumps(graph.info, sort_keys=True))
    try:
        checker.check_model(model)
    except checker.ValidationError as error:
        raise OnnxError(f"the package onnx refuses the model ({error})") from error
    return model


def _check_element_types(graph: Graph) -> None:
    for node in graph:
        for tensor in node.outputs:
            if tensor.dtype not in NAMES:
                raise OnnxError(f"layer {node.name!r}: element type must be one of {', '.join(BY_NAME)}, found {tensor.dtype}")


def _write_result(tensor: Tensor, name: str, target: Target) -> None:
    """Nothing, if the tensor itself has the result's name; else a node that gives it a second one."""
    value = target.name(tensor)
    if value != name:
        target.nodes.append(helper.make_node("Identity", [value], [name], name=name))


def _live(target: Target, outputs: Iterable[str]) -> tuple[list[NodeProto], dict[str, np.ndarray]]:
    """The nodes and arrays that the outputs need; a layer emitted as part of another one leaves a node that nobody reads."""
    needed = set(outputs)
    nodes = []
    for node in reversed(target.nodes):
        if needed.intersection(node.output):
            needed.update(node.input)
            nodes.append(node)
    return nodes[::-1], {name: a for name, a in target.arrays.items() if name in needed}


def _value_info(tensor: Tensor, name: str) -> ValueInfoProto:
    """Type and shape; a dimension that is the batch is called N, one that is computed from it has no name."""
    by_batch = [[k.shape[axis] for k in tensor.known] for axis in range(len(tensor.shape))]
    dims = [d[0] if len(set(d)) == 1 else "N" if tuple(d) == PROBE_BATCHES else None for d in by_batch]
    element_type: TensorProto.DataType = helper.np_dtype_to_tensor_dtype(tensor.dtype)
    return helper.make_tensor_value_info(name, element_type, dims)
