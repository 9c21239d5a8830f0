"""Report what each scope that the user gave leaves in float. A scope that changes nothing is an error,
because it does not do what was intended.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from numpot.ir.arguments import shown
from numpot.ir.graph import Graph, Node

from ..defaults import TargetDevice
from ..errors import QuantizationError
from ..layers.device_operators import QUANTIZABLE
from ..layers.weighted_layers import prepare
from ..sentences import counted, listed
from .ignored_scope import Ignored
from .placement import find_quantizers
from .quantizer import Quantizer


@dataclass(frozen=True)
class Scope:
    """One entry of one parameter. entry: the name, the type, or the text of the operation. layers: names of
    those that it alone leaves in float, of layers that would be quantized without any scope."""

    option: str
    entry: str
    layers: Sequence[str]

    def record(self) -> dict[str, Any]:
        """As values that a model's `info` can hold."""
        return {"option": self.option, "entry": self.entry, "layers": list(self.layers)}


def find_scopes(model: Graph, ignored: Ignored, device: TargetDevice) -> list[Scope]:
    """Every entry of `ignored` with what it changes. model: prepared."""
    entries = list(_entries(ignored))
    quantized = _quantized_layers(_without_scopes(model, ignored, device)) if entries else set()
    return [
        Scope(option, text, _names(model, quantized & one.nodes(model, device)))
        for option, text, one in entries
    ]


def shown_scope(option: str, entry: str) -> str:
    """For a sentence; the text of an operation is in braces and needs no quotes."""
    return f"{option} {entry if option.startswith('ignored_operations') else shown(entry)}"


def check_scopes(graph: Graph, ignored: Ignored, device: TargetDevice) -> None:
    """Raises QuantizationError for an entry that changes nothing. A model without any layer to quantize has
    an error of its own.
    """
    if not list(_entries(ignored)):
        return
    model = graph.copy()
    prepare(model)
    quantized = _names(model, _quantized_layers(_without_scopes(model, ignored, device)))
    useless = [scope for scope in find_scopes(model, ignored, device) if not scope.layers]
    if quantized and useless:
        first, more = useless[0], len(useless) - 1
        others = (
            f", and so {'does' if more == 1 else 'do'} {counted(more, 'other entry', 'other entries')}"
            if more
            else ""
        )
        raise QuantizationError(
            f"{shown_scope(first.option + ':', first.entry)} changes nothing in model "
            f"{graph.name!r}{others}, because the layers that it names would "
            f"stay in float anyway. Leave it out, or name what is quantized: {listed(quantized)}"
        )


def _entries(ignored: Ignored) -> Iterator[tuple[str, str, Ignored]]:
    """Parameter, text, and what the entry ignores by itself."""
    for name in ignored.names:
        yield "ignored_scope", name, Ignored(names=(name,))
    for kind in ignored.types:
        yield "ignored_types", kind, Ignored(types=(kind,))
    for operation in ignored.operations:
        yield "ignored_operations", shown(dict(operation)), Ignored(operations=(operation,))


def _without_scopes(model: Graph, ignored: Ignored, device: TargetDevice) -> list[Quantizer]:
    return find_quantizers(model, Ignored(model_type=ignored.model_type), device)


def _quantized_layers(quantizers: Sequence[Quantizer]) -> set[Node]:
    """Those that compute on codes, and those that hand them on from a quantizer of their own."""
    readers = {node for q in quantizers for node in (*(use.node for use in q.uses), *q.layers)}
    return {node for node in readers if node.type in QUANTIZABLE}


def _names(model: Graph, nodes: set[Node]) -> list[str]:
    return [node.name for node in model if node in nodes]
