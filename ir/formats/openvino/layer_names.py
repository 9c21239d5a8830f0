"""Choose the names that layers of an OpenVINO IR have in the graph."""

from collections.abc import Mapping
from itertools import chain, count

from ..xml.wiring import End
from .layer import OpenVinoLayer

FIRST_PICK = {"Parameter": 0, "Result": 1}  # callers use these names


def choose_names(layers: Mapping[int, OpenVinoLayer], sources: Mapping[End, End]) -> dict[int, str]:
    """Layer id -> name: its own, or for a Result the name by which OpenVINO's users know the output.

    That is often also the name of the layer that computes it, which then gives way: `logits` becomes
    `logits_1`.
    """
    own_names = {layer.name for layer in layers.values()}
    names: dict[int, str] = {}
    taken: set[str] = set()
    for id, layer in sorted(layers.items(), key=lambda item: FIRST_PICK.get(item[1].type, len(FIRST_PICK))):
        wanted = _output_name(layer, layers, sources) if layer.type == "Result" else layer.name
        numbered = (f"{wanted}_{k}" for k in count(1))
        names[id] = next(
            n for n in chain([wanted], numbered) if n not in taken and (n == wanted or n not in own_names)
        )
        taken.add(names[id])
    return names


def _output_name(
    result: OpenVinoLayer, layers: Mapping[int, OpenVinoLayer], sources: Mapping[End, End]
) -> str:
    """The first name of the tensor that a Result reads, else that of the layer which makes it."""
    if result.output_names or not result.inputs:
        return (*result.output_names, result.name)[0]
    id, port_id = sources[result.id, result.inputs[0].id]
    producer = layers[id]
    index, port = next((i, p) for i, p in enumerate(producer.outputs) if p.id == port_id)
    return (*port.names, producer.name if len(producer.outputs) == 1 else f"{producer.name}:{index}")[0]
