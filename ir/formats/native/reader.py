"""From a checked document and a mapped .bin to a Graph, promise by promise (FORMAT.md lists them)."""

from pathlib import Path

from lxml import etree

from ...errors import (
    AttributeValueError,
    GraphError,
    OperatorInputError,
    ShapeMismatchError,
    UnknownAttributeError,
    UnknownOperatorError,
)
from ...graph import Graph, Node, Tensor
from ...ops.common.operator import (
    OPERATORS,
    NoSuchAttributeError,
    Operator,
    OperatorError,
    T,
    find,
    from_text,
)
from ...ops.constant import Constant
from ..xml.info import read_info
from ..xml.layer import Layer, describe
from ..xml.weights import Span, Weights, check_spans, map_weights, view_span
from ..xml.wiring import read_edges, read_layers, topological_order


def build_graph(root: etree._Element, path: Path) -> Graph:
    """The model of a document; its constants are views of the sibling .bin. Raises the subclass of IRError
    for a broken promise.
    """
    layers = read_layers(root, path, Layer)
    sources = read_edges(root, layers, path)
    order = topological_order(layers, sources)
    operators = _read_operators(layers)
    operators.update(_read_constants(root, layers, path))

    info = root.find("info")
    graph = Graph(str(root.attrib["name"]), None if info is None else read_info(info, path))
    nodes: dict[int, Node] = {}
    for id in order:
        layer = layers[id]
        inputs = [nodes[source].outputs[port] for source, port in (sources[id, p.id] for p in layer.inputs)]
        nodes[id] = _add(graph, layer, operators[id], inputs)
    graph.nodes = {layer.name: nodes[id] for id, layer in layers.items()}  # the order of the file
    return graph


def _read_operators(layers: dict[int, Layer]) -> dict[int, Operator]:
    operators = {}
    for id, layer in layers.items():
        try:
            cls = find(layer.type)
        except OperatorError as error:
            raise UnknownOperatorError(f"layer {layer.name!r}: {error}", layer.path, layer.line) from None
        if cls is not Constant:
            operators[id] = _from_attributes(cls, layer)
    return operators


def _read_constants(root: etree._Element, layers: dict[int, Layer], path: Path) -> dict[int, Operator]:
    """Constants by layer id. The .bin is opened even if there is none: it is there, of the size and content
    that the .xml says.
    """
    bin_path = path.with_suffix(".bin")
    (weights,) = root.iterfind("weights")
    data = map_weights(bin_path, Weights(int(weights.attrib["size"]), str(weights.attrib["sha256"])))
    spans = {
        id: _from_attributes(Span, layer)
        for id, layer in layers.items()
        if OPERATORS.get(layer.type) is Constant
    }
    check_spans([(layers[id], span) for id, span in spans.items()], data, bin_path)
    return {id: Constant(value=view_span(span, data)) for id, span in spans.items()}


def _from_attributes(cls: type[T], layer: Layer) -> T:
    try:
        return from_text(cls, layer.attributes)
    except NoSuchAttributeError as error:
        raise layer.error(UnknownAttributeError, str(error)) from None
    except OperatorError as error:
        raise layer.error(AttributeValueError, str(error)) from None


def _add(graph: Graph, layer: Layer, op: Operator, inputs: list[Tensor]) -> Node:
    """Append the node, and compare what its ports declare with what they get."""
    try:
        node = graph.add(op, inputs, layer.name)
    except GraphError as error:
        raise OperatorInputError(str(error), layer.path, layer.line) from error
    for side, declared, tensors in (("input", layer.inputs, inputs), ("output", layer.outputs, node.outputs)):
        if len(declared) != len(tensors):
            raise layer.error(
                ShapeMismatchError, f"declares {len(declared)} {side} ports, and has {len(tensors)}"
            )
        for port, tensor in zip(declared, tensors, strict=True):
            if (port.element_type, port.shape) != (tensor.dtype, tensor.shape):
                found = (
                    f"{side} {port.id} is declared {port}, and the model's inputs make it "
                    f"{describe(tensor.dtype, tensor.shape)}"
                )
                raise layer.error(ShapeMismatchError, found)
    return node
