"""CPU_SPR: an Add of two quantized tensors is fused into the layer behind one of them, which then needs no
FakeQuantize (POT 2023.3).
"""

import math

from numpot.ir.graph import Graph, Node

from ..layers.device_operators import WEIGHTED
from .quantizer import Quantizer


def without_fused_inputs(graph: Graph, quantizers: list[Quantizer]) -> list[Quantizer]:
    """The quantizers without the one that each Add of two quantized tensors can do without.

    Of the two, ordered by their number of readers: the second, if the first has several readers, the second
    none but the Add, and what makes the second has a constant as its second input, as a bias has. Else, if
    both tensors come from a layer with one input after the other in between, the one of the larger tensor,
    the first if they are equal.
    """
    dropped: set[Quantizer] = set()
    by_use = {use: q for q in quantizers for use in q.uses}
    for add in graph.of_type("Add"):
        pair = [q for (node, _), q in by_use.items() if node is add and not q.is_weight and q not in dropped]
        if len(pair) == 2 and (unneeded := _unneeded(*sorted(pair, key=lambda q: -len(q.uses)))):
            dropped.add(unneeded)
    return [q for q in quantizers if q not in dropped]


def _unneeded(first: Quantizer, second: Quantizer) -> Quantizer | None:
    inputs = second.tensor.producer.inputs
    if len(first.uses) > 1 and len(second.uses) == 1 and len(inputs) > 1 and inputs[1].constant is not None:
        return second
    if _comes_from_a_layer(first.tensor.producer) and _comes_from_a_layer(second.tensor.producer):
        return max(first, second, key=lambda q: math.prod(q.tensor.known[0].shape))
    return None


def _comes_from_a_layer(node: Node) -> bool:
    """Whether a chain of operators with one input that is not constant leads up to a weighted layer."""
    while node.type not in WEIGHTED:
        data = [t for t in node.inputs if t.constant is None]
        if len(data) != 1:
            return False
        node = data[0].producer
    return True
