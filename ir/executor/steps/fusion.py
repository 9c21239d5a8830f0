"""Find fused chains: a layer and the operators behind it that one kernel can compute together."""

from collections.abc import Callable

import numpy as np

from ...graph import Node, Tensor
from .tensor_slots import Slots, lies_channels_last


class Chain:
    """A layer and the operators behind it that its kernel takes over: each the only reader of the one before.

    kept: tensors that somebody looks at, so that they must be made as they are. taken: operators that another
    chain has taken over.
    """

    def __init__(
        self, node: Node, constants: dict[Tensor, np.ndarray], kept: set[Tensor], taken: set[Node]
    ) -> None:
        self.first = node
        self.nodes = [node]
        self.kept = kept
        self._taken = taken
        self._constants = constants

    @property
    def end(self) -> Tensor:
        return self.nodes[-1].outputs[0]

    def constant(self, tensor: Tensor) -> np.ndarray | None:
        return self._constants.get(tensor)

    def _next(self) -> tuple[Node | None, int]:
        """The one reader of the last tensor, and at which port; the first operator, while it has not been
        taken itself.
        """
        if not self.nodes:
            return self.first, 0
        if len(self.end.consumers) != 1 or self.end in self.kept:
            return None, 0
        return self.end.consumers[0]

    def take(self, *types: str, where: Callable[[Node], bool] = lambda node: True) -> Node | None:
        """Take over the next operator if it is one of these, nobody else reads the tensor before it, and that
        tensor's shape stays: what is taken over works element by element, and a constant of another shape
        could spread it.
        """
        node, port = self._next()
        if node is None or node.type not in types or port != 0 or node in self._taken:
            return None
        if node.outputs[0].shape != node.inputs[0].shape or not where(node):
            return None
        self.nodes.append(node)
        return node

    def take_per_channel(
        self, *types: str, where: Callable[[Node], bool] = lambda node: True
    ) -> list[np.ndarray] | None:
        """Take over an operator whose other inputs are constants, one number or one per channel; returns
        these as scalars or (C,).
        """
        vectors: list[np.ndarray] = []

        def is_per_channel(node: Node) -> bool:
            found = [self.channel_vector(t, self.first.outputs[0]) for t in node.inputs[1:]]
            vectors.extend(v for v in found if v is not None)
            return len(vectors) == len(found) and where(node)

        return vectors if self.take(*types, where=is_per_channel) else None

    def take_quantize(self) -> list[np.ndarray] | None:
        """Take over a Quantize to all 256 codes; returns its multiplier and shift."""
        return self.take_per_channel("Quantize", where=lambda n: n.op.levels == 256)  # type: ignore[attr-defined]

    def mark(self) -> int:
        """For `give_back`."""
        return len(self.nodes)

    def give_back(self, mark: int) -> None:
        """Leave what was taken over since the mark to others."""
        del self.nodes[mark:]

    def take_sum(self, slots: Slots, where: Callable[[Tensor], bool] = lambda branch: True) -> Tensor | None:
        """Take over the Add of another branch, one that lies in memory as this one does; returns
        that branch.
        """
        node, port = self._next()
        if node is None or node.type != "Add" or node in self._taken or node.inputs[0] is node.inputs[1]:
            return None
        branch = node.inputs[1 - port]
        same = [k.shape for k in branch.known] == [
            k.shape for k in self.end.known
        ] and branch.dtype == self.end.dtype
        if not same or branch in self._constants or slots.parts(branch) is None or not where(branch):
            return None
        if len(branch.shape) == 4 and not lies_channels_last(branch):
            return None
        self.nodes.append(node)
        return branch

    def channel_vector(self, tensor: Tensor, onto: Tensor) -> np.ndarray | None:
        """A constant that broadcasts along the channels only: axis 1 of an image, the last axis of anything
        else.
        """
        value, shape = self.constant(tensor), onto.shape
        if value is None or not shape:
            return None
        axis = 1 if len(shape) == 4 else len(shape) - 1
        if value.size == 1:
            return value.reshape(())
        aligned = (1,) * (len(shape) - value.ndim) + value.shape
        return value.reshape(-1) if value.size == shape[axis] == aligned[axis] else None
