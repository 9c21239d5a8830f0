"""Which quantizers can only leave a model together (docs/accuracy-aware.md, "Groups").

An operator runs on integers if all its inputs are codes. To bring one back to float, all its quantizers must go, and then the other readers
of those quantizers lose theirs: a group is what is closed under that. Source: POT 2023.3, pot AccuracyAwareQuantization.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from numpot.ir.graph import Node, Use

from .hardware import PASS_THROUGH, QUANTIZABLE, WEIGHTED
from .insertion import Quantizer

ByUse = dict[Use, Quantizer]


@dataclass(frozen=True)
class Group:
    """name: of its first quantizer. quantizers, layers: names; the layers are the operators that return to float. multiply_adds: of these
    layers, for one sample."""

    name: str
    quantizers: frozenset[str]
    layers: tuple[str, ...]
    multiply_adds: int


def find_groups(quantizers: Sequence[Quantizer]) -> list[Group]:
    """The groups of a model's quantizers, in the order of their names. Every quantizer is in one at least."""
    by_use = {use: q for q in quantizers for use in q.uses}
    groups: list[Group] = []
    seen: set[Quantizer] = set()
    for start in sorted(quantizers, key=lambda q: q.name):
        if start not in seen:
            members, layers = _closure(start, by_use)
            seen |= members
            ordered = sorted(layers, key=lambda n: n.name)
            cost = sum(multiply_adds(n) for n in layers)
            groups.append(Group(start.name, frozenset(q.name for q in members), tuple(n.name for n in ordered), cost))
    return groups


def multiply_adds(node: Node) -> int:
    """Integer multiply-adds of a layer for one sample: one per output element and weight that it depends on. 0 for other operators.

    Where the size of the output depends on the batch beyond its first dimension, that dimension counts as 1.
    """
    if node.type not in WEIGHTED:
        return 0
    outputs = math.prod(max(d, 1) for d in node.output.shape[1:])
    if node.type == "MatMul":
        return outputs * max(node.inputs[0].shape[-2 if node.op.transpose_a else -1], 1)  # type: ignore[attr-defined]
    weights = node.inputs[1].shape
    if node.type == "Convolution":
        return outputs * math.prod(weights[1:])
    inputs = math.prod(max(d, 1) for d in node.inputs[0].shape[1:])  # a transposed convolution spreads each input
    return inputs * math.prod(weights[1:])


def _closure(start: Quantizer, by_use: ByUse) -> tuple[set[Quantizer], set[Node]]:
    """All quantizers that must go with `start`, and the quantizable operators met on the way."""
    members, layers = {start}, set()
    todo = [start]
    climbed: set[Node] = set()
    while todo:
        for reader in _readers(todo.pop(), by_use):
            above, met = _climb(reader, by_use, climbed)
            layers |= met
            todo += [q for q in above if q not in members]
            members |= above
    return members, layers


def _readers(quantizer: Quantizer, by_use: ByUse) -> list[Node]:
    """The operators that compute on a quantizer's codes, through pass-through operators, down to where the next quantizer stands."""
    found: dict[Node, None] = {}
    todo = [use.node for use in quantizer.uses]
    while todo:
        node = todo.pop()
        if node.type in PASS_THROUGH and not quantizer.is_weight:
            todo += [use.node for t in node.outputs for use in t.consumers if use not in by_use]
        elif node.type != "Result":
            found[node] = None
    return list(found)


def _climb(reader: Node, by_use: ByUse, climbed: set[Node]) -> tuple[set[Quantizer], set[Node]]:
    """Upwards from an operator to the quantizers above it, through whatever is not quantized in between."""
    above: set[Quantizer] = set()
    met: set[Node] = set()
    todo = [reader]
    while todo:
        node = todo.pop()
        if node in climbed:
            continue
        climbed.add(node)
        if node.type in QUANTIZABLE:
            met.add(node)
        for port, tensor in enumerate(node.inputs):
            if (q := by_use.get(Use(node, port))) is not None:
                above.add(q)
            elif tensor.constant is None and any(k.value is None for k in tensor.known):
                todo.append(tensor.producer)
    return above, met
