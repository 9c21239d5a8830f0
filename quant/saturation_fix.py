"""Which layers get 7-bit weights, so that pairs of products fit int16 on CPUs without VNNI (docs/arithmetic.md, eq. 13).

The weights of a chosen layer are halved, quantized with the bounds of the whole, and doubled again on the way out: their integers then
lie in [-63, 64], and 255 * 64 + 255 * 64 = 32640 fits.
"""

from numpot.ir.graph import Graph, Node

from .defaults import SaturationFix
from .hardware import WEIGHTED


def layers_to_fix(graph: Graph, mode: SaturationFix, aligned: set[Node]) -> set[Node]:
    """first_layer: every convolution that an input reaches without passing another. all: every weighted layer. no: none.

    aligned: consumers of channel-aligned pairs; alignment may have made their weights large, so both active modes include them.
    A model without a convolution is left alone, as POT does.
    """
    if mode == "no" or not graph.of_type("Convolution"):
        return set()
    if mode == "all":
        return set(graph.of_type(*WEIGHTED))
    return first_convolutions(graph) | aligned


def first_convolutions(graph: Graph) -> set[Node]:
    """Convolutions that some path from a model input reaches before any other convolution."""
    first: set[Node] = set()
    seen: set[Node] = set(graph.inputs)
    todo = list(graph.inputs)
    while todo:
        node = todo.pop()
        if node.type == "Convolution":
            first.add(node)
            continue
        for use in (use for t in node.outputs for use in t.consumers):
            if use.node not in seen:
                seen.add(use.node)
                todo.append(use.node)
    return first
