"""Find groups of quantizers that can only be removed together (docs/accuracy-aware.md, "Groups").

An operator runs on integers if all its inputs are codes. To bring one back to float, all its quantizers must
go, and then the other readers of those quantizers lose theirs: a group is what is closed under that. Source:
POT 2023.3, pot AccuracyAwareQuantization.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from numpot.ir.graph import Node, Use

from ..assembly import Variant
from ..layers.device_operators import PASS_THROUGH, QUANTIZABLE, WEIGHTED
from ..placement.quantizer import Quantizer
from ..settings.accuracy_aware_options import Precision

ByUse = dict[Use, Quantizer]


@dataclass(frozen=True)
class Group:
    """name: of its first quantizer. quantizers, layers: names; the layers are the operators that return to
    float.

    cost: of having them there (costs.py), 0 until it is known. precision: what it would get instead of 8
    bits: float, or narrower weights, whose quantizers and layers these are then; narrower weights cost
    nothing."""

    name: str
    quantizers: frozenset[str]
    layers: tuple[str, ...]
    cost: float = 0.0
    precision: Precision = "float"

    @property
    def title(self) -> str:
        """As reports call it."""
        return self.name if self.precision == "float" else f"{self.name}, {self.precision} weights"


def find_groups(quantizers: Sequence[Quantizer]) -> list[Group]:
    """The groups of a model's quantizers, in the order of their names. Every quantizer is in one at least."""
    by_use = {use: q for q in quantizers for use in q.uses}
    groups: list[Group] = []
    seen: set[Quantizer] = set()
    for start in sorted(quantizers, key=lambda q: q.name):
        if start not in seen:
            members, layers = _closure(start, by_use)
            seen |= members
            groups.append(
                Group(start.name, frozenset(q.name for q in members), tuple(sorted(n.name for n in layers)))
            )
    return groups


def with_precisions(
    groups: Sequence[Group], precisions: Sequence[Precision], quantizers: Sequence[Quantizer]
) -> list[Group]:
    """Everything that may be tried: each group at each precision, narrower weights only where there are
    weights.
    """
    weights = {q.name: q.uses[0].node.name for q in quantizers if q.is_weight}
    found: list[Group] = []
    for group, precision in ((g, p) for g in groups for p in precisions):
        narrow = {name: weights[name] for name in sorted(group.quantizers) if name in weights}
        if precision == "float":
            found.append(group)
        elif narrow:
            found.append(
                replace(
                    group,
                    quantizers=frozenset(narrow),
                    layers=tuple(narrow.values()),
                    cost=0.0,
                    precision=precision,
                )
            )
    return found


def multiply_adds(node: Node) -> int:
    """Integer multiply-adds of a layer for one sample: one per output element and weight that it depends on.
    0 for other operators.

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
    # a transposed convolution spreads each input
    inputs = math.prod(max(d, 1) for d in node.inputs[0].shape[1:])
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
    """The operators that compute on a quantizer's codes, through pass-through operators, down to where the
    next quantizer stands.
    """
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


def variant(groups: Sequence[Group]) -> Variant:
    """The model with each group at its precision; of two for the same weights the later one counts, and float
    above all.
    """
    reverted = frozenset[str]().union(*(g.quantizers for g in groups if g.precision == "float"))
    narrowed = {
        name: g.precision
        for g in groups
        if g.precision != "float"
        for name in g.quantizers
        if name not in reverted
    }
    return Variant(reverted, narrowed)
