"""Chain: a layer and the operators behind it that one kernel can compute together."""

from collections.abc import Callable

import numpy as np

from .graph import Node, Tensor


class Chain:
    """A layer and the operators behind it that its kernel takes over: each the only reader of the one before."""

    def __init__(self, node: Node, constants: dict[Tensor, np.ndarray], keep: set[Tensor]) -> None:
        self.nodes = [node]
        self._constants = constants
        self._keep = keep

    @property
    def end(self) -> Tensor:
        return self.nodes[-1].output

    def constant(self, tensor: Tensor) -> np.ndarray | None:
        return self._constants.get(tensor)

    def take(self, *types: str, where: Callable[[Node], bool] = lambda node: True) -> Node | None:
        """Take over the next operator if it is one of these and nobody else reads the tensor before it."""
        if len(self.end.consumers) != 1 or self.end in self._keep:
            return None
        node, port = self.end.consumers[0]
        if node.type not in types or port != 0 or not where(node):
            return None
        self.nodes.append(node)
        return node

    def take_per_channel(self, *types: str) -> list[np.ndarray] | None:
        """Take over an operator whose other inputs are constants, one number or one per channel; returns these as scalars or (C,)."""
        vectors: list[np.ndarray] = []

        def is_per_channel(node: Node) -> bool:
            found = [self._channel_vector(t) for t in node.inputs[1:]]
            vectors.extend(v for v in found if v is not None)
            return len(vectors) == len(found)

        return vectors if self.take(*types, where=is_per_channel) else None

    def _channel_vector(self, tensor: Tensor) -> np.ndarray | None:
        """A constant that broadcasts along the channels only: axis 1 of an image, the last axis of anything else."""
        value, shape = self.constant(tensor), self.nodes[0].output.shape
        if value is None:
            return None
        axis = 1 if len(shape) == 4 else len(shape) - 1
        if value.size == 1:
            return value.reshape(())
        aligned = (1,) * (len(shape) - value.ndim) + value.shape
        return value.reshape(-1) if value.size == shape[axis] == aligned[axis] else None
