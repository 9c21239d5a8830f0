"""Connect the layers of a document: unique ids and names, matching edges, no cycle. The same for all XML
formats.
"""

import graphlib
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from lxml import etree

from ...errors import (
    CycleError,
    DanglingEdgeError,
    DuplicateIdError,
    DuplicateNameError,
    PortFedTwiceError,
    PortNotFedError,
)
from .document import line_of
from .layer import AnyLayer, NumberedPort

L = TypeVar("L", bound=AnyLayer[NumberedPort])
End = tuple[int, int]  # id of a layer, number of one of its ports


def read_layers(root: etree._Element, path: Path, kind: type[L]) -> dict[int, L]:
    """Layers by id, in the order of the file."""
    layers: dict[int, L] = {}
    names: dict[str, L] = {}
    for element in root.iterfind("layers/layer"):
        layer = kind(element, path)
        if layer.id in layers:
            raise layer.error(
                DuplicateIdError, f"id {layer.id} is also the one of layer {layers[layer.id].name!r}"
            )
        if layer.name in names:
            raise layer.error(DuplicateNameError, f"layer {names[layer.name].id} has the same name")
        layers[layer.id] = names[layer.name] = layer
    return layers


def read_edges(
    root: etree._Element, layers: Mapping[int, AnyLayer[NumberedPort]], path: Path
) -> dict[End, End]:
    """Which output port feeds each input port; all are fed."""
    sources: dict[End, End] = {}
    for element in root.iterfind("edges/edge"):
        source = _read_end(element, "from", "output", layers, path)
        target = _read_end(element, "to", "input", layers, path)
        if target in sources:
            message = (
                f"edge: input {target[1]} of layer {layers[target[0]].name!r} is fed by another edge, too"
            )
            raise PortFedTwiceError(message, path, line_of(element))
        sources[target] = source
    for id, layer in layers.items():
        for port in layer.inputs:
            if (id, port.id) not in sources:
                raise layer.error(PortNotFedError, f"no edge feeds input {port.id}")
    return sources


def _read_end(
    element: etree._Element, end: str, side: str, layers: Mapping[int, AnyLayer[NumberedPort]], path: Path
) -> End:
    id, port = int(element.attrib[f"{end}-layer"]), int(element.attrib[f"{end}-port"])
    if id not in layers:
        raise DanglingEdgeError(f"edge: there is no layer with id {id}", path, line_of(element))
    declared = layers[id].outputs if side == "output" else layers[id].inputs
    if all(p.id != port for p in declared):
        message = (
            f"edge: {side} {port} of layer {layers[id].name!r} does not exist; the layer declares "
            f"{len(declared)}"
        )
        raise DanglingEdgeError(message, path, line_of(element))
    return id, port


def topological_order(layers: Mapping[int, AnyLayer[NumberedPort]], sources: dict[End, End]) -> list[int]:
    """Ids of the layers, every one after those that it reads. Raises CycleError."""
    sorter = graphlib.TopologicalSorter(
        {id: [sources[id, port.id][0] for port in layer.inputs] for id, layer in layers.items()}
    )
    try:
        return list(sorter.static_order())
    except graphlib.CycleError as error:
        names = " -> ".join(repr(layers[id].name) for id in error.args[1])
        raise layers[error.args[1][0]].error(CycleError, f"depends on itself: {names}") from None
