"""Helpers that the parts of simplify share: one query, one edit."""

import numpy as np

from ..graph import Graph, Node, Tensor


def known_array(tensor: Tensor) -> np.ndarray | None:
    """What a tensor holds, if shape inference knows it and finds it the same for every batch size."""
    first, *others = (known.value for known in tensor.known)
    if first is None or any(other is None or not np.array_equal(first, other) for other in others):
        return None
    return first


def take_place(graph: Graph, old: Node, new: Node) -> None:
    """Let `new` have the consumers and the name of `old`, which goes. Both have one output."""
    graph.redirect(old.output, new.output)
    graph.remove(old)
    graph.rename(new, old.name)
