"""A Graph -> a ModelProto that lacks only its arrays, checked by the package onnx."""

import json
from collections.abc import Iterable
from importlib.metadata import version

import numpy as np
from onnx import ModelProto, NodeProto, ValueInfoProto, checker, helper

from ...dtypes import BY_NAME, NAMES, DType
from ...graph import Graph, Tensor
from ...shape_inference import PROBE_BATCHES
from . import operators  # noqa: F401  (importing them fills the table of writers)
from .errors import OnnxError
from .node_writer import IR_VERSION, OPSET, Target
from .onnx_node import INFO

Arrays = dict[str, np.ndarray]


def model_without_arrays(graph: Graph) -> tuple[ModelProto, Arrays]:
    """(the model, its initializers). The batch stays open where the graph leaves it open."""
    target = Target(graph)
    _check_element_types(graph)
    for node in graph.topological_order():
        if node.type == "Result":
            _write_result(node.inputs[0], node.name, target)
        elif node.type not in ("Parameter", "Constant"):
            target.write(node)
    nodes, arrays = _live(target, [r.name for r in graph.outputs])
    inputs, outputs = (
        [_value_info(n.output, n.name) for n in ends] for ends in (graph.inputs, graph.outputs)
    )
    proto = helper.make_graph(nodes, graph.name or "model", inputs, outputs)  # ONNX allows no empty name
    model = helper.make_model(proto, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    model.producer_name, model.producer_version = "numpot", version("numpot")
    if graph.info:
        model.metadata_props.add(key=INFO, value=json.dumps(graph.info, sort_keys=True))
    _check(model, arrays)
    return model, arrays


def _check(model: ModelProto, arrays: Arrays) -> None:
    """Raises OnnxError for what the package onnx refuses. Arrays stand in as inputs, so that their size does
    not matter.
    """
    whole = ModelProto()
    whole.CopyFrom(model)
    whole.graph.input.extend(_info(name, a.dtype, list(a.shape)) for name, a in arrays.items())
    try:
        checker.check_model(whole)
    except checker.ValidationError as error:
        raise OnnxError(f"the package onnx refuses the model ({error})") from error


def _check_element_types(graph: Graph) -> None:
    for node in graph:
        for tensor in node.outputs:
            if tensor.dtype not in NAMES:
                raise OnnxError(
                    f"layer {node.name!r}: element type must be one of {', '.join(BY_NAME)}, found "
                    f"{tensor.dtype}"
                )


def _write_result(tensor: Tensor, name: str, target: Target) -> None:
    """Nothing, if the tensor itself has the result's name; else a node that gives it a second one."""
    value = target.name(tensor)
    if value != name:
        target.nodes.append(helper.make_node("Identity", [value], [name], name=name))


def _live(target: Target, outputs: Iterable[str]) -> tuple[list[NodeProto], Arrays]:
    """The nodes and arrays that the outputs need; a layer emitted as part of another one leaves a node that
    nobody reads.
    """
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
    return _info(
        name,
        tensor.dtype,
        [d[0] if len(set(d)) == 1 else "N" if tuple(d) == PROBE_BATCHES else None for d in by_batch],
    )


def _info(name: str, dtype: DType, dims: list[int | str | None]) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(dtype), dims)
