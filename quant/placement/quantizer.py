"""Quantizer: a place where a FakeQuantize will stand."""

from dataclasses import dataclass, field

from numpot.ir.graph import Node, Tensor, Use

from ..layers.device_operators import PASS_THROUGH, QUANTIZABLE, is_depthwise


@dataclass(eq=False)
class Quantizer:
    """A FakeQuantize to be: the tensor it quantizes, and the uses of that tensor which will read it."""

    name: str
    tensor: Tensor
    uses: list[Use]
    is_weight: bool
    symmetric: bool = False  # whatever the preset says
    group: list["Quantizer"] = field(default_factory=list)  # those that must share its range, itself included

    @property
    def layers(self) -> list[Node]:
        """The operators that compute on its codes: its readers, looked for through pass-through operators."""
        found: dict[Node, None] = {}
        todo = [use.node for use in self.uses]
        while todo:
            node = todo.pop()
            if node.type in PASS_THROUGH and not self.is_weight:
                todo += [use.node for t in node.outputs for use in t.consumers]
            else:
                found[node] = None
        return list(found)

    @property
    def per_channel(self) -> bool:
        """Weights have one range per output channel, activations only if depthwise convolutions alone compute
        on them.
        """
        if self.is_weight:
            return True
        layers = [node for node in self.layers if node.type in QUANTIZABLE]
        return len(self.group) <= 1 and bool(layers) and all(is_depthwise(node) for node in layers)
