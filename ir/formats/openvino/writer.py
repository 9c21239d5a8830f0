"""A Graph -> an OpenVINO IR of version 11, .xml and .bin."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lxml import etree

from ...errors import AnyPath, UnstorableError
from ...graph import Graph, Node, Tensor
from ...ops.common.operator import attribute_types, write_value
from ...ops.constant import Constant
from ...ops.parameter import Parameter
from ..xml.document import check_schema, parse_xml
from ..xml.file_pair import save_pair
from ..xml.layers_writer import append_layers
from ..xml.weights import Span, Weights
from .info import write_info
from .layer import PRECISIONS, join_names
from .operator_table import ATTRIBUTES, CEIL_TORCH_OPSET, TYPES, WRITTEN
from .reader import SCHEMA
from .substitutes import for_openvino

PRECISION_NAMES = {dtype: name for name, dtype in PRECISIONS.items()}


def write_openvino(graph: Graph, xml_path: AnyPath) -> None:
    """Write `xml_path` and the .bin beside it, as OpenVINO reads them: both, or, on any failure, neither.

    What OpenVINO has no operator for is written as a few that compute the same (substitutes.py). Constants
    may be views of the very .bin that is replaced. Raises SaveError, LimitError, or UnstorableError for a
    graph that OpenVINO has no form for.
    """
    path = Path(xml_path)
    # OpenVINO looks for a byte of every Constant
    save_pair(for_openvino(graph, path), path, write_document, least=1)


def write_document(graph: Graph, spans: Mapping[str, Span], weights: Weights, path: Path) -> bytes:
    """The text. spans: what the .bin holds, by names of Constants. Raises UnstorableError; `path` is for
    messages.
    """
    root = etree.Element("net", name="", version="11")
    append_layers(
        root,
        graph,
        path,
        lambda node, id: _layer(node, id, spans),
        lambda tensor: len(tensor.producer.inputs) + tensor.index,
    )
    try:
        root.set("name", graph.name)
        root.append(write_info(graph.info))
    except ValueError as error:
        raise UnstorableError(f"model {graph.name!r} cannot be stored: {error}", path) from error
    text = etree.tostring(root, encoding="UTF-8", xml_declaration=True, pretty_print=True)
    check_schema(parse_xml(text, path), path, SCHEMA)  # better no file than one that cannot be read
    return text


def _layer(node: Node, id: int, spans: Mapping[str, Span]) -> etree._Element:
    element = etree.Element("layer", {"id": str(id), "name": node.name, **_type(node)})
    if attributes := _attributes(node, spans):
        etree.SubElement(element, "data", attributes)
    _add_ports(element, "input", node.inputs, first=0)
    if node.type == "Result":
        element.set("output_names", join_names([node.name]))
    else:
        _add_ports(element, "output", node.outputs, first=len(node.inputs))
    return element


def _type(node: Node) -> dict[str, str]:
    """Type and version; `groups` and a way of rounding are other operators, or later versions, in
    OpenVINO.
    """
    name, opset = TYPES.get(node.type, node.type), WRITTEN[node.type].opset
    if getattr(node.op, "groups", 1) != 1:
        name = f"Group{name}"
    if getattr(node.op, "rounding_type", "") == "ceil_torch":
        opset = CEIL_TORCH_OPSET
    return {"type": name, "version": f"opset{opset}"}


def _attributes(node: Node, spans: Mapping[str, Span]) -> dict[str, str]:
    """All of them, because OpenVINO knows no defaults; and those that only OpenVINO has."""
    op: Any = spans[node.name] if isinstance(node.op, Constant) else node.op
    hints = attribute_types(type(op))
    values = {
        field.name: getattr(op, field.name) for field in dataclasses.fields(op) if field.name != "groups"
    }
    text = {ATTRIBUTES.get(name, name): write_value(hints[name], value) for name, value in values.items()}
    if isinstance(op, Parameter):
        text["shape"] = text["shape"].replace("-1", "?")
    return text | {name: allowed[0] for name, allowed in WRITTEN[node.type].fixed.items()}


def _add_ports(element: etree._Element, side: str, tensors: list[Tensor], first: int) -> None:
    """Ids count on from the inputs to the outputs; an output has the name of the Parameter it is, and of the
    Results that read it.
    """
    ports = etree.SubElement(element, side) if tensors else element
    for number, tensor in enumerate(tensors, first):
        port = etree.SubElement(ports, "port", id=str(number), precision=PRECISION_NAMES[tensor.dtype])
        for dim in tensor.shape:
            etree.SubElement(port, "dim").text = str(dim)
        if side == "output" and (names := _names(tensor)):
            port.set("names", join_names(names))


def _names(tensor: Tensor) -> list[str]:
    own = [tensor.producer.name] if tensor.producer.type == "Parameter" else []
    return own + [use.node.name for use in tensor.consumers if use.node.type == "Result"]
