"""Select the layers that the user leaves in float: by name, by type, by type and attributes, or by the kind
of model.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from numpot.ir.graph import Graph, Node

from ..defaults import ModelType, TargetDevice
from ..layers.device_operators import PASS_THROUGH, WEIGHTED
from ..layers.weighted_layers import bias_add

#: In a transformer, what stands around the matrix products is sensitive and cheap (POT 2023.3, model_type
#: "transformer").
_TRANSFORMER: Final = frozenset(
    "Add Power Squeeze Subtract ReduceMean SquaredDifference MVN Multiply".split()
)


@dataclass(frozen=True)
class Ignored:
    """names: of layers; the name of a bias Add means its layer, because that is the layer's name in ONNX.
    types: of operators.

    operations: mappings {"type": T, "attributes": {name: value}}, the attributes optional; an operator is
    meant if it is of that type and every attribute has that value. model_type: "transformer" ignores what POT
    ignores there.
    """

    names: Collection[str] = ()
    types: Collection[str] = ()
    operations: Sequence[Mapping[str, Any]] = ()
    model_type: ModelType | None = None

    def nodes(self, graph: Graph, device: TargetDevice = "ANY") -> set[Node]:
        """The layers to leave in float; for one that only passes data through, those that read it."""
        types = set(self.types)
        if self.model_type == "transformer":
            types |= _TRANSFORMER - ({"Multiply"} if device == "CPU_SPR" else set())
        named = {n for n in graph if n.name in self.names}
        named |= {layer for layer in graph.of_type(*WEIGHTED) if bias_add(layer) in named}
        others = {
            n for n in graph if n.type in types or any(is_operation(n, wanted) for wanted in self.operations)
        }
        return _with_readers(named | others)


def is_operation(node: Node, wanted: Mapping[str, Any]) -> bool:
    """Whether a node has the type and all the attributes of {"type": T, "attributes": {...}}."""
    attributes = wanted.get("attributes") or {}
    return node.type == wanted["type"] and all(
        _same(getattr(node.op, name, None), value) for name, value in attributes.items()
    )


def _same(found: object, wanted: object) -> bool:
    """Attributes are tuples here, lists in a configuration file, and text in OpenVINO's: `1,1` is (1, 1)."""
    return _text(found) == _text(wanted)


def _text(value: object) -> str:
    if isinstance(value, str):
        return value.replace(" ", "").lower()
    if isinstance(value, list | tuple):
        return ",".join(_text(v) for v in value)
    return str(value).lower()


def _with_readers(ignored: set[Node]) -> set[Node]:
    todo = [node for node in ignored if node.type in PASS_THROUGH]
    while todo:
        for use in (use for t in todo.pop().outputs for use in t.consumers):
            if use.node not in ignored:
                ignored.add(use.node)
                if use.node.type in PASS_THROUGH:
                    todo.append(use.node)
    return ignored
