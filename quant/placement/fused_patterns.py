"""Groups of operators that are computed as one and therefore not quantized inside (as in POT 2023.3).

A pattern is a line: operators joined by `>` (a reader of the one before) or `<` (a producer of the one
before). In it

    (Type)      takes part but stays quantizable: an end of the pattern
    Type*       has a constant operand
    Type|Type   either;  WEIGHTED, ACTIVATION and ELEMENTWISE stand for their groups
    x=Type      names the node;  Type&x  also reads the node named x
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from numpot.ir.graph import Graph, Node

from ..defaults import TargetDevice
from ..layers.device_operators import ELEMENTWISE, WEIGHTED, has_constant_operand

_GROUPS = {
    "WEIGHTED": WEIGHTED,
    "ELEMENTWISE": ELEMENTWISE,
    "ACTIVATION": frozenset({"ReLU", "PReLU", "Sigmoid"}),
}

ALWAYS = [
    "(WEIGHTED) > Add*",  # a bias
    "(WEIGHTED) > Add* > Swish",
    "(Multiply) > Add*",
    "(Add) > Multiply* > Add* > Result",
    "(MVN) > Multiply* > Add*",
    "(NormalizeL2) > Multiply",
    # squeeze and excitation
    "(ReduceMean) > WEIGHTED > Add* > ReLU|PReLU > WEIGHTED > Add* > Sigmoid > (Multiply)",
    "(ReduceMean) > WEIGHTED > Add* > Swish > WEIGHTED > Add* > Sigmoid > (Multiply)",
    "x=Exp > ReduceSum* > Power* > Multiply&x",  # softmax written out
    "x=Exp > ReduceSum* > Divide&x",
    "SoftMax > Reshape* > MatMul < Transpose < Reshape* < Add",  # attention
    "SoftMax > MatMul < Transpose < Reshape* < Add",
    "SoftMax > MatMul < Reshape* < Transpose < Reshape*",
    "(WEIGHTED) > x=Add* > Add* > Clamp > Multiply&x",  # hard swish written out
    "(WEIGHTED) > x=Add* > Add* > Clamp > Multiply&x > Multiply*",
    "x=(Add|Multiply|ReduceMean|Squeeze) > Add* > Clamp > Multiply* > Multiply&x",
    "Unsqueeze* > Multiply* > Add* > Squeeze*",
    # batch indices of a detector
    "Subtract > Multiply > Multiply* > Add > Unsqueeze > Concat > Concat* > Reshape > Convolution",
    "Equal > LogicalNot",
    # preprocessing directly behind an input, also behind a conversion, a layout change or a reversal of the
    # channels
    *(
        f"(Parameter){convert}{transpose}{reversal} > {step}"
        for convert, transpose, reversal in product(
            ("", " > Convert"), ("", " > Transpose"), ("", " > Split > Concat")
        )
        for step in ("Multiply", "Add*", "Subtract", "Multiply* > Add*")
    ),
]

CPU = ["Clamp > Multiply*"]
# attention; a CPU with AMX computes it on integers
NOT_SPR = ["SoftMax > MatMul < Gather < Transpose < Reshape* < Add"]

#: Absorbed by the layer above, provided that nothing on the way is read by anyone else.
FUSED_INTO_LAYER = [
    f"(WEIGHTED){bias}{activation} > {tail}"
    for bias in ("", " > Add*")
    for activation in ("", " > ACTIVATION")
    for tail in ("Multiply* > Add*", "ELEMENTWISE*")
]


@dataclass(frozen=True)
class _Step:
    types: frozenset[str]
    downwards: bool
    stays: bool  # written in parentheses
    constant: bool
    label: str
    also_reads: str


def parse(line: str) -> list[_Step]:
    steps: list[_Step] = []
    downwards = True
    for word in line.split():
        if word in "<>":
            downwards = word == ">"
            continue
        label, _, rest = word.rpartition("=")
        rest, _, also_reads = rest.partition("&")
        constant = rest.endswith("*")
        stays = rest.startswith("(")
        names = rest.strip("()*").split("|")
        types = frozenset().union(*(_GROUPS.get(n, {n}) for n in names))
        steps.append(_Step(types, downwards, stays, constant, label, also_reads))
    return steps


def skipped_nodes(graph: Graph, device: TargetDevice = "ANY") -> set[Node]:
    """Nodes inside some pattern: no FakeQuantize is put on their inputs, and none rises past them."""
    skipped: set[Node] = set()
    for line in ALWAYS + CPU + (NOT_SPR if device != "CPU_SPR" else []):
        for steps, match in _matches(graph, parse(line)):
            skipped |= _inner(steps, match)
    for line in FUSED_INTO_LAYER:
        for steps, match in _matches(graph, parse(line)):
            if not _branches(match):
                skipped |= _inner(steps, match)
    return skipped | _ancestors_of_detection_outputs(graph)


def _inner(steps: list[_Step], match: list[Node]) -> set[Node]:
    return {node for step, node in zip(steps, match, strict=True) if not step.stays}


def _matches(graph: Graph, steps: list[_Step]) -> Iterator[tuple[list[_Step], list[Node]]]:
    for node in graph:
        if _fits(node, steps[0]):
            for match in _extend([node], steps):
                yield steps, match


def _extend(match: list[Node], steps: list[_Step]) -> Iterator[list[Node]]:
    if len(match) == len(steps):
        yield match
        return
    step, last = steps[len(match)], match[-1]
    if step.downwards:
        candidates = [use.node for tensor in last.outputs for use in tensor.consumers]
    else:
        candidates = [tensor.producer for tensor in last.inputs]
    for node in dict.fromkeys(candidates):
        if node in match or not _fits(node, step):
            continue
        if step.also_reads:
            named = next(n for s, n in zip(steps, match, strict=False) if s.label == step.also_reads)
            if named not in [t.producer for t in node.inputs]:
                continue
        yield from _extend([*match, node], steps)


def _fits(node: Node, step: _Step) -> bool:
    return node.type in step.types and (not step.constant or has_constant_operand(node))


def _branches(match: list[Node]) -> bool:
    """Whether a tensor inside the chain has a second reader."""
    return any(len(t.consumers) > 1 for node in match[:-1] for t in node.outputs)


def _ancestors_of_detection_outputs(graph: Graph) -> set[Node]:
    """Coordinates and scores on their way into a TopK are not quantized, up to the layers that make them."""
    seen: set[Node] = set()
    todo = graph.of_type("TopK")
    while todo:
        node = todo.pop()
        if node not in seen and node.type not in WEIGHTED | {"Constant"}:
            seen.add(node)
            todo += [t.producer for t in node.inputs]
    return seen
