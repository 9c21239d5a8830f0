"""An OpenVINO IR, .xml and .bin -> Graph, layer by layer."""

from collections.abc import Mapping
from pathlib import Path

from lxml import etree

from ... import memory
from ...errors import (
    AnyPath,
    DanglingEdgeError,
    IRError,
    NumpotError,
    OperatorInputError,
    SchemaError,
    ShapeMismatchError,
    UnknownOperatorError,
    VersionError,
)
from ...graph import Graph, Node, Tensor
from ...inputs import check_names, fits
from ...ops.common.operator import OperatorError, Shape
from ...simplify.passes import simplify
from ..common.opset_table import find_served
from ..xml.document import check_schema, line_of, parse_xml, read_document
from ..xml.layer import describe
from ..xml.weights import map_file
from ..xml.wiring import End, read_edges, read_layers, topological_order
from . import operators  # noqa: F401  (importing it fills the table of readers)
from .group_weights import merge_group_axes
from .info import read_info
from .layer import OpenVinoLayer
from .layer_names import choose_names
from .node import READERS, OpenVinoNode, Reader, Scope
from .operator_table import FIRST_OPSET, LAST_OPSET

VERSIONS = ("10", "11")
SCHEMA = "openvino/openvino.xsd"


def load_openvino(xml_path: AnyPath, *, input_shapes: Mapping[str, Shape] | None = None) -> Graph:
    """Read a model and simplify it: what everybody wants who does not compare with the file."""
    with memory.account():
        graph = read_openvino(xml_path, input_shapes=input_shapes)
        merge_group_axes(graph)
        simplify(graph)
    return graph


def read_openvino(xml_path: AnyPath, *, input_shapes: Mapping[str, Shape] | None = None) -> Graph:
    """The model in `xml_path` and the .bin beside it, one or a few layers for each of its layers, under the
    same names.

    input_shapes: input name -> shape instead of the file's, -1 in front for a batch of any size. Raises the
    subclass of IRError that stands for the promise that is broken, or GraphError for a shape of an input that
    is not there.
    """
    path = Path(xml_path)
    root = parse_xml(read_document(path), path)
    _check_root(root, path)
    layers = read_layers(root, path, OpenVinoLayer)
    sources = read_edges(root, layers, path)
    order = topological_order(layers, sources)
    readers = {id: _find_reader(layer) for id, layer in layers.items()}
    check_names(input_shapes or {}, (layer.name for layer in layers.values() if layer.type == "Parameter"))

    graph = Graph(str(root.get("name", "model")), read_info(root, path))
    scope = Scope(
        graph, choose_names(layers, sources), map_file(path.with_suffix(".bin")), input_shapes or {}
    )
    tensors: dict[End, Tensor] = {}
    made: dict[int, list[Node]] = {}
    for id in order:
        node = OpenVinoNode(layers[id], _inputs(layers[id], layers, sources, tensors), scope)
        outputs = _read(node, readers[id])
        tensors.update(
            ((id, port.id), tensor) for port, tensor in zip(layers[id].outputs, outputs, strict=False)
        )
        made[id] = node.made
    graph.nodes = {node.name: node for id in layers for node in made[id]}  # the order of the file
    return graph


def _check_root(root: etree._Element, path: Path) -> None:
    if root.tag != "net":
        raise SchemaError(f"the root element must be <net>, found <{root.tag}>", path, line_of(root))
    version = root.get("version", "")
    if version not in ("", *VERSIONS):  # a file without one is not as the schema says
        message = (
            f"OpenVINO IR version {version!r} cannot be read; expected {' or '.join(VERSIONS)}. "
            "Convert the model again"
        )
        raise VersionError(message, path, line_of(root))
    check_schema(root, path, SCHEMA)


def _find_reader(layer: OpenVinoLayer) -> Reader:
    if layer.opset is None:
        message = f"version must be opset{FIRST_OPSET} to opset{LAST_OPSET}, found {layer.version!r}"
        raise layer.error(UnknownOperatorError, message)
    try:
        return find_served(READERS, layer.type, layer.opset)
    except OperatorError as error:
        raise UnknownOperatorError(f"layer {layer.name!r}: {error}", layer.path, layer.line) from None


def _inputs(
    layer: OpenVinoLayer,
    layers: Mapping[int, OpenVinoLayer],
    sources: Mapping[End, End],
    tensors: Mapping[End, Tensor],
) -> list[Tensor]:
    read = [sources[layer.id, port.id] for port in layer.inputs]
    for id, port in read:
        if (id, port) not in tensors:
            producer = layers[id]
            raise layer.error(
                DanglingEdgeError,
                f"reads output {port} of {producer.name!r} ({producer.type}), which is not supported",
            )
    return [tensors[end] for end in read]


def _read(node: OpenVinoNode, reader: Reader) -> list[Tensor]:
    """What the layer makes, compared with what its ports declare where the inputs are the file's own."""
    try:
        made = reader.read(node)
    except IRError:
        raise
    except (NumpotError, OperatorError) as error:
        # without the layer's name
        reason = error.__cause__ if isinstance(error.__cause__, OperatorError) else error
        raise node.layer.error(OperatorInputError, f"{reason}{_shape_hint(node)}") from error
    except (
        ArithmeticError,
        LookupError,
        TypeError,
        ValueError,
        MemoryError,
    ) as error:  # a reader met what OpenVINO does not allow
        message = f"its inputs and attributes are not what OpenVINO defines ({error})"
        raise node.layer.error(OperatorInputError, message) from error
    tensors = made if isinstance(made, list) else [made]
    if not node.scope.input_shapes and node.layer.type != "Result":
        _check_declared(node.layer, tensors)
    return tensors


def _check_declared(layer: OpenVinoLayer, tensors: list[Tensor]) -> None:
    if len(layer.outputs) < len(tensors):
        raise layer.error(
            ShapeMismatchError, f"declares {len(layer.outputs)} output ports, and has {len(tensors)}"
        )
    for port, tensor in zip(layer.outputs, tensors, strict=False):
        dtype = port.element_type or tensor.dtype
        if dtype != tensor.dtype or (port.shape and not fits(tensor.shape, port.shape)):
            declared, found = describe(dtype, port.shape), describe(tensor.dtype, tensor.shape)
            message = f"output {port.id} is declared {declared}, and the model's inputs make it {found}"
            raise layer.error(ShapeMismatchError, message)


def _shape_hint(node: OpenVinoNode) -> str:
    """Some models hold the shape of their inputs in their constants, and work with no other."""
    return (
        ". The model may be made for the file's own input shapes only; give none"
        if node.scope.input_shapes
        else ""
    )
