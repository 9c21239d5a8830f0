"""An ONNX file -> Graph, node by node."""

import json
from collections.abc import Iterator
from pathlib import Path

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx import GraphProto, ModelProto, ValueInfoProto

from ... import memory
from ...errors import NumpotError
from ...graph import Graph
from ...ops.common.operator import Shape, nearest
from ...ops.parameter import Parameter
from ...ops.result import Result
from ...simplify.passes import simplify
from ..common.regular_file import open_regular
from . import operators  # noqa: F401  (importing them fills the table of readers)
from .errors import OnnxError
from .external_data import ExternalFiles
from .functions import inline_functions
from .node_reader import read_node
from .onnx_node import FIRST_OPSET, INFO, LAST_OPSET, Scope
from .tensors import element_type, initializers

InputShapes = dict[str, tuple[int, ...]]


def load_onnx(model: str | Path | bytes, *, input_shapes: InputShapes | None = None) -> Graph:
    """Read a model and simplify it: what everybody wants who does not compare with the file."""
    with memory.account():
        graph = read_onnx(model, input_shapes=input_shapes)
        simplify(graph)
    return graph


def read_onnx(model: str | Path | bytes, *, input_shapes: InputShapes | None = None) -> Graph:
    """The model of an ONNX file (or its bytes), one or a few layers for each of its nodes, under the same
    names.

    input_shapes: input name -> shape, -1 in front for a batch of any size; needed where the file leaves
    another dimension open. Raises OnnxError, naming the file and the node.
    """
    where = "the ONNX model" if isinstance(model, bytes) else str(model)
    folder = None if isinstance(model, bytes) else Path(model).parent
    try:
        with memory.account():
            proto = _parse(model if isinstance(model, bytes) else _read_file(model))
            return _read_graph(proto, ExternalFiles(folder), input_shapes or {})
    except OSError as error:
        raise OnnxError(f"{where}: cannot be read ({error.strerror or error})") from error
    except NumpotError as error:
        sentence = " ".join(str(error).splitlines())  # names of a damaged file may hold anything
        raise OnnxError(f"{where}: {sentence}") from error


def _read_file(path: str | Path) -> bytes:
    with open_regular(path) as file:
        size = file.seek(0, 2)
        memory.take(2 * size, "the file, as bytes and as messages,")
        file.seek(0)
        return file.read()


def _parse(data: bytes) -> ModelProto:
    try:
        model = ModelProto.FromString(data)
    except DecodeError as error:
        raise OnnxError(f"not an ONNX model, or a damaged one ({error})") from error
    if not model.opset_import or not model.graph.output:
        raise OnnxError("not an ONNX model: it names no opset or has no outputs")
    # protobuf hands out what is not UTF-8 undecoded
    if any(isinstance(name, bytes) for name in _names(model.graph)):
        raise OnnxError("a damaged model: one of its names is not UTF-8 text")
    return inline_functions(model)


def _names(graph: GraphProto) -> Iterator[str | bytes]:
    yield graph.name
    for named in (*graph.input, *graph.output, *graph.initializer):
        yield named.name
    for node in graph.node:
        yield from (
            node.name,
            node.op_type,
            node.domain,
            *node.input,
            *node.output,
            *(a.name for a in node.attribute),
        )


def _opset(model: ModelProto) -> int:
    version = max((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), default=0)
    if not FIRST_OPSET <= version <= LAST_OPSET:
        raise OnnxError(
            f"opset must be {FIRST_OPSET} to {LAST_OPSET}, found {version}; onnx.version_converter can "
            "translate the model"
        )
    return version


def _read_graph(model: ModelProto, files: ExternalFiles, input_shapes: InputShapes) -> Graph:
    proto = model.graph
    scope = Scope(
        graph=Graph(proto.name or "model"),
        opset=_opset(model),
        files=files,
        arrays=initializers(proto, files),
        output_names={o.name for o in proto.output},
        node_names={n.name for n in proto.node},
    )
    _add_parameters(proto, scope, input_shapes)
    for node in proto.node:
        read_node(node, scope)
    for output in proto.output:
        scope.graph.add(Result(), [scope.tensor(output.name)], scope.graph.unique_name(output.name))
    scope.graph.info = _info(model)
    return scope.graph


def _info(model: ModelProto) -> dict[str, object]:
    """What numpot noted in the file of how the model was made; nothing in files of others."""
    text = next((p.value for p in model.metadata_props if p.key == INFO), "{}")
    try:
        info = json.loads(text)
    except (ValueError, RecursionError):
        info = None
    if not isinstance(info, dict):
        raise OnnxError(f"the metadata {INFO!r} must be a JSON object; delete the entry or repair it")
    return info


def _add_parameters(proto: GraphProto, scope: Scope, input_shapes: InputShapes) -> None:
    """Inputs become Parameters; those with an initializer are constants with a default nobody overrides."""
    inputs = [i for i in proto.input if i.name not in scope.arrays]
    for name in input_shapes:
        if name not in {i.name for i in inputs}:
            raise OnnxError(
                f"there is no input {name!r} to give a shape to" + nearest(name, [i.name for i in inputs])
            )
    for value in inputs:
        shape = _input_shape(value, input_shapes.get(value.name))
        dtype = element_type(value.type.tensor_type.elem_type, f"input {value.name!r}")
        scope.tensors[value.name] = scope.graph.add(
            Parameter(element_type=dtype, shape=shape), name=value.name
        ).output


def _input_shape(value: ValueInfoProto, given: Shape | None) -> Shape:
    tensor = value.type.tensor_type
    dims = [
        d.dim_value if d.HasField("dim_value") and d.dim_value > 0 else str(d.dim_param or "?")
        for d in tensor.shape.dim
    ]
    if given is not None:
        agrees = len(given) == len(dims) and all(
            isinstance(d, str) or d == g for d, g in zip(dims, given, strict=True)
        )
        if tensor.HasField("shape") and not agrees:
            raise OnnxError(
                f"input {value.name!r} has shape {_listed(dims)}; the given shape {list(given)} does "
                "not fit it"
            )
        return tuple(given)
    if not tensor.HasField("shape") or any(isinstance(d, str) for d in dims[1:]):
        found = _listed(dims) if tensor.HasField("shape") else "no shape"
        raise OnnxError(
            f"input {value.name!r} must have a fixed shape, all but its batch; found {found}. "
            f"Give one, as in --input-shape {value.name}=1,3,224,224"
        )
    return tuple(-1 if isinstance(d, str) else d for d in dims)


def _listed(dims: list[int | str]) -> str:
    return "[" + ", ".join(str(d) for d in dims) + "]"
