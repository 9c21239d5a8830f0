"""Where the FakeQuantize operators go (docs/calibration.md, "Places").

A quantizer starts on every input of a quantizable operator and rises through operators that compute the same
on codes (pass-through), as long as no reader that wants real numbers would then see quantized ones. Those
that meet on one tensor become one. The graph is not touched here: the result is a list of places, and
`insert` puts the nodes in when their ranges are known.
"""

from collections.abc import Callable
from typing import Final

from numpot.ir.dtypes import FLOATS
from numpot.ir.graph import Graph, Node, Tensor, Use

from ..defaults import TargetDevice
from ..errors import QuantizationError
from ..layers.device_operators import (
    PASS_THROUGH,
    QUANTIZABLE,
    TRANSPARENT,
    WEIGHTED,
    is_depthwise,
    quantized_ports,
)
from .fused_adds import without_fused_inputs
from .fused_patterns import skipped_nodes
from .ignored_scope import Ignored
from .quantizer import Quantizer

NOTHING: Final = Ignored()


def find_quantizers(
    graph: Graph, ignored: Ignored = NOTHING, device: TargetDevice = "ANY"
) -> list[Quantizer]:
    """The quantizers of a model on a device, sorted by name; `ignored` says what is left in float."""
    skipped = skipped_nodes(graph, device)
    names = _start(graph, skipped | ignored.nodes(graph, device))
    _rise(names, skipped)
    quantizers = _merge(names)
    if device == "CPU_SPR":
        quantizers = without_fused_inputs(graph, quantizers)
    _unify_concats(quantizers)
    if ignored.model_type == "transformer":
        for q in quantizers:
            q.symmetric = not q.is_weight and any(
                n.type == "MatMul" and n.inputs[1].constant is None for n in q.layers
            )
    return quantizers


def place_quantizers(graph: Graph, ignored: Ignored, device: TargetDevice) -> list[Quantizer]:
    """As `find_quantizers`; raises QuantizationError for a model without any."""
    quantizers = find_quantizers(graph, ignored, device)
    if not quantizers:
        raise QuantizationError(
            f"model {graph.name!r} has nothing to quantize: no operator that runs on integers is left "
            "in scope"
        )
    return quantizers


# ---- placement ---------------------------------------------------------------------------------------------


def _start(graph: Graph, exempt: set[Node]) -> dict[Use, str]:
    """A quantizer on every quantized input of every quantizable operator: use -> name."""
    names: dict[Use, str] = {}
    for node in graph:
        if node.type not in QUANTIZABLE or node in exempt:
            continue
        for port in quantized_ports(node):
            if _is_data(node.inputs[port]):
                kind = "fq_input" if node.inputs[port].constant is None else "fq_weights"
                names[Use(node, port)] = f"{node.name}/{kind}_{port}"
    return names


def _is_data(tensor: Tensor) -> bool:
    """Real numbers, and not a shape computation that is known before the model runs (a Constant is data)."""
    return tensor.dtype in FLOATS and (
        tensor.constant is not None or any(k.value is None for k in tensor.known)
    )


def _rise(names: dict[Use, str], skipped: set[Node]) -> None:
    """Move quantizers upwards through pass-through operators, in order of their names."""
    barred = {}
    for node in {t.producer for use in names for t in _ancestry(use)}:
        barred[node] = node in skipped or _has_plain_reader(node, names)
    queue = sorted(names, key=lambda use: names[use])
    while queue:
        use = queue.pop(0)
        producer = use.node.inputs[use.port].producer
        if use not in names:
            continue
        if producer.type == "Parameter" and _starts_scale_shift(use.node):
            del names[use]
        elif producer.type in PASS_THROUGH and not barred[producer]:
            del names[use]
            for port in _ports_above(producer):
                above = Use(producer, port)
                if above not in names and _is_data(producer.inputs[port]):
                    names[above] = f"{producer.name}/fq_input_{port}"
                    queue.insert(0, above)


def _ancestry(use: Use) -> list[Tensor]:
    """The tensor of a use and all above it that pass-through operators lead to."""
    tensors = [use.node.inputs[use.port]]
    for tensor in tensors:
        if tensor.producer.type in PASS_THROUGH:
            tensors += [t for t in tensor.producer.inputs if t not in tensors]
    return tensors


def _ports_above(node: Node) -> list[int]:
    if node.type == "Concat":
        return list(range(len(node.inputs)))
    if node.type == "Pad":
        return [p for p, t in enumerate(node.inputs) if t.constant is None]
    return [0]


def _starts_scale_shift(node: Node) -> bool:
    return node.type == "Multiply" and any(use.node.type == "Add" for use in node.output.consumers)


def _has_plain_reader(node: Node, names: dict[Use, str]) -> bool:
    """Whether quantizing the data above `node` would reach a reader that no quantizer guards."""

    def below(n: Node) -> list[Node]:
        return [
            use.node
            for t in n.outputs
            for use in t.consumers
            if use not in names and use.node.type != "ShapeOf"
        ]

    def is_harmless(n: Node) -> bool:
        if n.type == "Concat" and n is not node:
            return not _concat_bars(n, node, names, below)
        return n.type in TRANSPARENT

    return _any_reachable(
        node, below, lambda n: not is_harmless(n), through=lambda n: n.type != "Concat" or n is node
    )


def _concat_bars(
    concat: Node, start: Node, names: dict[Use, str], below: Callable[[Node], list[Node]]
) -> bool:
    """A Concat of purely passed-through data is harmless; else everything below it must be guarded, by one
    quantizer at least.
    """

    def above(n: Node) -> list[Node]:
        unguarded = [t.producer for p, t in enumerate(n.inputs) if Use(n, p) not in names]
        return [p for p in unguarded if p.type != "Constant" and p is not start]

    if not _any_reachable(concat, above, lambda n: n.type not in TRANSPARENT):
        return False
    if _any_reachable(concat, below, lambda n: n.type not in TRANSPARENT):
        return True
    guarded = [
        use for n in _reachable(concat, below) for t in n.outputs for use in t.consumers if use in names
    ]
    return not guarded


def _reachable(
    start: Node, step: Callable[[Node], list[Node]], through: Callable[[Node], bool] = lambda n: True
) -> list[Node]:
    """`start` and every node that steps lead to; `through` says which nodes the walk continues from."""
    found = {start: None}
    todo = [start]
    while todo:
        for node in step(todo.pop()):
            if node not in found:
                found[node] = None
                if through(node):
                    todo.append(node)
    return list(found)


def _any_reachable(
    start: Node,
    step: Callable[[Node], list[Node]],
    test: Callable[[Node], bool],
    through: Callable[[Node], bool] = lambda n: True,
) -> bool:
    return any(test(n) for n in _reachable(start, step, through) if n is not start)


def _merge(names: dict[Use, str]) -> list[Quantizer]:
    """One quantizer per tensor, under the first of the names that meet there."""
    by_tensor: dict[Tensor, list[Use]] = {}
    for use in sorted(names, key=lambda use: names[use]):
        by_tensor.setdefault(use.node.inputs[use.port], []).append(use)
    quantizers = [
        Quantizer(names[uses[0]], t, uses, is_weight=t.constant is not None) for t, uses in by_tensor.items()
    ]
    for quantizer in quantizers:
        quantizer.group = [quantizer]
    return sorted(quantizers, key=lambda q: q.name)


# ---- unified scales ----------------------------------------------------------------------------------------


def _unify_concats(quantizers: list[Quantizer]) -> None:
    """Inputs of a Concat that feeds a layer must share one scale, or their codes could not stand side by
    side.
    """
    by_use = {use: q for q in quantizers for use in q.uses if not q.is_weight}
    for concat in {n for q in by_use.values() for n in _bridges(q)}:
        if any(t.constant is not None for t in concat.inputs):
            continue
        below = _reachable(
            concat,
            lambda n: [
                u.node for t in n.outputs for u in t.consumers if u not in by_use and n.type in PASS_THROUGH
            ],
        )
        weighted = [n for n in below if n.type in WEIGHTED]
        if not weighted or any(is_depthwise(n) for n in weighted):
            continue
        members = [q for q in quantizers if not q.is_weight and concat in _bridges(q)]
        group = sorted({m for q in members for m in q.group}, key=lambda q: q.name)
        for q in group:
            q.group = group


def _bridges(quantizer: Quantizer) -> list[Node]:
    """The Concats that read a quantizer's codes, through pass-through operators."""
    starts = {use.node for use in quantizer.uses}
    nodes = [
        n
        for s in starts
        for n in _reachable(
            s, lambda n: [u.node for t in n.outputs for u in t.consumers] if n.type in PASS_THROUGH else []
        )
    ]
    return [n for n in dict.fromkeys(nodes) if n.type == "Concat"]
