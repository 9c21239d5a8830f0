"""Broadcast, which may say where the axes of its input go."""

from dataclasses import dataclass
from typing import Literal

from ....graph import Tensor
from ....ops.broadcast import Broadcast
from ....ops.common.axes import integers
from ....ops.common.operator import OperatorError
from ....ops.unsqueeze import Unsqueeze
from ..node import OpenVinoNode, reads


@dataclass(frozen=True, kw_only=True)
class BroadcastAttributes:
    mode: Literal["numpy", "bidirectional", "explicit", "none"] = "numpy"  # version 1 calls explicit "none"


@reads("Broadcast")
def broadcast(node: OpenVinoNode) -> Tensor:
    """Input 2, for mode explicit only: the axis of the output that each axis of the data becomes."""
    mode = node.read(BroadcastAttributes).mode
    if mode == "numpy" or mode == "bidirectional":
        return node.add(Broadcast(mode=mode), *node.inputs[:2])
    x, target, _ = node.take(3)
    mapping = integers(node.known(2, "axes_mapping"), "axes_mapping")
    if list(mapping) != sorted(set(mapping)) or len(mapping) != len(x.shape):
        raise OperatorError(
            f"axes_mapping must give each of {len(x.shape)} axes a place, in ascending order, found "
            f"{list(mapping)}"
        )
    others = [axis for axis in range(target.shape[0]) if axis not in mapping]
    return node.add(
        Broadcast(), node.add(Unsqueeze(), x, node.constant(others, "axes"), suffix="unsqueezed"), target
    )
