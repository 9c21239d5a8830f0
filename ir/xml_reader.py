"""From a checked document and a mapped .bin to a Graph, promise by promise (FORMAT.md lists them)."""

import graphlib
from pathlib import Path

from lxml import etree

from .errors import (
    AttributeValueError,
    CycleError,
    DanglingEdgeError,
    DuplicateIdError,
    DuplicateNameError,
    GraphError,
    OperatorInputError,
    PortFedTwiceError,
    PortNotFedError,
    ShapeMismatchError,
    UnknownAttributeError,
    UnknownOperatorError,
)
from .graph import Graph, Node, Tensor
from .ops.constant import Constant
from .ops.registry import OPERATORS, NoSuchAttributeError, Operator, OperatorError, T, find, from_text
from .xml_document import line_of
from .xml_info import read_info
from .xml_layer import Layer, describe
from .xmlbin_weights import Span, Weights, check_spans, map_weights, view_span

Port = tuple[int, int]  # id of a layer, number of one of its ports


def build_graph(root: etree._Element, path: Path) -> Graph:
    """The model of a document; its constants are views of the sibling .bin. Raises the subclass of IRError for a broken promise."""
    layers = _read_layers(root, path)
    sources = _read_edges(root, layers, path)
    order = _topological_order(layers, sources)
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


def _read_layers(root: etree._Element, path: Path) -> dict[int, Layer]:
    """Layers by id, in the order of the file."""
    layers: dict[int, Layer] = {}
    names: dict[str, Layer] = {}
    for element in root.iterfind("layers/layer"):
        layer = Layer(element, path)
        if layer.id in layers:
            raise layer.error(DuplicateIdError, f"id {layer.id} is also the one of layer {layers[layer.id].name!r}")
        if layer.name in names:
            raise layer.error(DuplicateNameError, f"layer {names[layer.name].id} has the same name")
        layers[layer.id] = names[layer.name] = layer
    return layers


def _read_edges(root: etree._Element, layers: dict[int, Layer], path: Path) -> dict[Port, Port]:
    """Which output port feeds each input port."""
    sources: dict[Port, Port] = {}
    for element in root.iterfind("edges/edge"):
        source = _read_end(element, "from", "output", layers, path)
        target = _read_end(element, "to", "input", layers, path)
        if target in sources:
            message = f"edge: input {target[1]} of layer {layers[target[0]].name!r} is fed by another edge, too"
            raise PortFedTwiceError(message, path, line_of(element))
        sources[target] = source
    for id, layer in layers.items():
        for port in layer.inputs:
            if (id, port.id) not in sources:
                raise layer.error(PortNotFedError, f"no edge feeds input {port.id}")
    return sources


def _read_end(element: etree._Element, end: str, side: str, layers: dict[int, Layer], path: Path) -> Port:
    id, port = int(element.attrib[f"{end}-layer"]), int(element.attrib[f"{end}-port"])
    if id not in layers:
        raise DanglingEdgeError(f"edge: there is no layer with id {id}", path, line_of(element))
    declared = len(layers[id].outputs if side == "output" else layers[id].inputs)
    if port >= declared:
        message = f"edge: {side} {port} of layer {layers[id].name!r} does not exist; the layer declares {declared}"
        raise DanglingEdgeError(message, path, line_of(element))
    return id, port


def _topological_order(layers: dict[int, Layer], sources: dict[Port, Port]) -> list[int]:
    sorter = graphlib.TopologicalSorter({id: [sources[id, port.id][0] for port in layer.inputs] for id, layer in layers.items()})
    try:
        return list(sorter.static_order())
    except graphlib.CycleError as error:
        names = " -> ".join(repr(layers[id].name) for id in error.args[1])
        raise layers[error.args[1][0]].error(CycleError, f"depends on itself: {names}") from None


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
    """Constants by layer id. The .bin is opened even if there is none: it is there, of the size and content that the .xml says."""
    bin_path = path.with_suffix(".bin")
    (weights,) = root.iterfind("weights")
    data = map_weights(bin_path, Weights(int(weights.attrib["size"]), str(weights.attrib["sha256"])))
    spans = {id: _from_attributes(Span, layer) for id, layer in layers.items() if OPERATORS.get(layer.type) is Constant}
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
            raise layer.error(ShapeMismatchError, f"declares {len(declared)} {side} ports, and has {len(tensors)}")
        for port, tensor in zip(declared, tensors, strict=True):
            if (port.element_type, port.shape) != (tensor.dtype, tensor.shape):
                found = f"{side} {port.id} is declared {port}, and the model's inputs make it {describe(tensor.dtype, tensor.shape)}"
                raise layer.error(ShapeMismatchError, found)
    return node
