"""Estimate the memory of a run: the tensors that are alive at the same time, for any batch size, counted once
for many runs.
"""

import math
from typing import NamedTuple

from . import memory
from .errors import counted
from .graph import Graph, Node, Tensor
from .shape_inference import PROBE_BATCHES


class Peak(NamedTuple):
    """The moment when most bytes are alive: fixed + batch * by_image, while `node` runs."""

    fixed: int
    by_image: int
    node: Node

    def bytes(self, batch: int) -> int:
        return self.fixed + batch * self.by_image


class Footprint:
    """The memory that a graph needs: the two moments that may be the worst, one for small batches and one for
    large ones.
    """

    def __init__(self, peaks: list[Peak]) -> None:
        self._peaks = peaks

    def check(self, batch: int) -> None:
        """Raises MemoryLimitError if a run of so many images would take more than the budget."""
        worst = max(self._peaks, key=lambda peak: peak.bytes(batch), default=None)
        if worst is not None:
            node = worst.node
            shapes = ", ".join(str(list(t.shape)) for t in node.outputs)
            images = f" with {counted(batch, 'image')}" if worst.by_image and batch else ""
            memory.take(
                worst.bytes(batch),
                f"running the model{images} up to layer {node.name!r} ({node.type}), which makes {shapes},",
            )


def footprint(graph: Graph) -> Footprint:
    """Tensors are counted from the layer that makes them to the last that reads them; outputs of the model to
    the end.
    """
    order = graph.topological_order()
    left = {t: len(t.consumers) for node in order for t in node.outputs}
    fixed = by_image = 0
    peaks: list[Peak] = []
    for node in order:
        # constants are there already, and a Result hands on what it reads
        if node.type in ("Constant", "Result"):
            continue
        for tensor in node.outputs:
            sizes = _sizes(tensor)
            fixed, by_image = fixed + sizes[0], by_image + sizes[1]
        peaks.append(Peak(fixed, by_image, node))
        for tensor in node.inputs:
            left[tensor] -= 1
            if not left[tensor] and tensor.producer.type != "Constant":
                sizes = _sizes(tensor)
                fixed, by_image = fixed - sizes[0], by_image - sizes[1]
    if not peaks:
        return Footprint([])
    return Footprint(
        [max(peaks, key=lambda p: (p.fixed, p.by_image)), max(peaks, key=lambda p: (p.by_image, p.fixed))]
    )


def _sizes(tensor: Tensor) -> tuple[int, int]:
    """(fixed, by image) bytes: what two batch sizes tell of all others, if the size is a line; else what the
    larger one takes.
    """
    (less, more), (few, many) = [math.prod(k.shape) * k.dtype.itemsize for k in tensor.known], PROBE_BATCHES
    by_image = max(more - less, 0) // (many - few)
    return max(less - few * by_image, 0), by_image
