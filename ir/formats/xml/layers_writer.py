"""From a Graph to the text of a .xml. The same graph always gives the same bytes."""

from collections.abc import Callable, Mapping
from pathlib import Path

from lxml import etree

from ...dtypes import BY_NAME, NAMES
from ...errors import UnstorableError
from ...graph import Graph, Node, Tensor
from ...ops.common.operator import to_text
from .document import FORMAT, digest, parse_document
from .info import write_info
from .layer import Port
from .weights import Span, Weights


def append_layers(
    root: etree._Element,
    graph: Graph,
    path: Path,
    layer: Callable[[Node, int], etree._Element],
    port: Callable[[Tensor], int],
) -> None:
    """Append <layers> and <edges>, as both formats have them. layer: an element of a node and its id; port:
    the number of an output.

    Raises UnstorableError naming the layer that `layer` cannot write.
    """
    ids = {node: id for id, node in enumerate(graph)}
    layers = etree.SubElement(root, "layers")
    for node, id in ids.items():
        try:
            layers.append(layer(node, id))
        except (ValueError, TypeError, KeyError) as error:
            raise UnstorableError(
                f"layer {node.name!r} ({node.type}) cannot be stored: {error}", path
            ) from error
    edges = etree.SubElement(root, "edges")
    for node, id in ids.items():
        for number, tensor in enumerate(node.inputs):
            source = {"from-layer": str(ids[tensor.producer]), "from-port": str(port(tensor))}
            etree.SubElement(edges, "edge", {**source, "to-layer": str(id), "to-port": str(number)})


def write_document(graph: Graph, spans: Mapping[str, Span], weights: Weights, path: Path) -> bytes:
    """The text. spans: what the .bin holds, by names of Constants. Raises UnstorableError; `path` is for
    messages.
    """
    root = etree.Element("numpot", format=FORMAT)
    append_layers(root, graph, path, lambda node, id: _layer(node, id, spans), lambda tensor: tensor.index)
    etree.SubElement(root, "weights", size=str(weights.size), sha256=weights.sha256)
    try:
        root.set("name", graph.name)
        if graph.info:
            root.append(write_info(graph.info))
    except ValueError as error:
        raise UnstorableError(f"model {graph.name!r} cannot be stored: {error}", path) from error
    root.set("sha256", digest(root))
    text = etree.tostring(root, encoding="UTF-8", xml_declaration=True, pretty_print=True)
    # the limits hold for writers, too: better no file than one that cannot be read
    parse_document(text, path)
    return text


def check_element_types(graph: Graph, path: Path) -> None:
    """Raises UnstorableError for a tensor of a type that the format has not."""
    for node in graph:
        for tensor in node.outputs:
            if tensor.dtype not in NAMES:
                message = (
                    f"layer {node.name!r} ({node.type}): element type must be one of "
                    f"{', '.join(BY_NAME)}, found {tensor.dtype}"
                )
                raise UnstorableError(message, path)


def _layer(node: Node, id: int, spans: Mapping[str, Span]) -> etree._Element:
    element = etree.Element("layer", id=str(id), name=node.name, type=node.type)
    if attributes := to_text(spans.get(node.name, node.op)):
        etree.SubElement(element, "data", attributes)
    for side, tensors in (("input", node.inputs), ("output", node.outputs)):
        if tensors:
            ports = etree.SubElement(element, side)
            for number, tensor in enumerate(tensors):
                etree.SubElement(ports, "port", to_text(_port(number, tensor)))
    return element


def _port(number: int, tensor: Tensor) -> Port:
    return Port(id=number, element_type=tensor.dtype, shape=tensor.shape)
