"""From FakeQuantize to integers: what a runtime does to a quantized model before it runs it.

A FakeQuantize says "round to these 256 values" in real numbers. Lowering makes the codes themselves flow:

    FakeQuantize(x)               ->  Dequantize(Quantize(x))             codes are u8
    Convolution(deq(q), w_int8)   ->  ConvolutionInteger(q, w) * scale    s32 sums; scale = s_x * s_w, float32
    MaxPool(deq(q)), Concat, ...  ->  deq(MaxPool(q))                     operators that are the same on codes
    Add(FakeQuantize(conv), b)    ->  one chain behind the convolution    fused residual Add, residual_add.py
    Quantize behind a layer       ->  rounded as the layer rounds it      requantize.py

What the integers cannot express stays in float, between a Dequantize and a Quantize. The result is an
ordinary graph: the interpreter runs it operator by operator, and the executor fuses each layer with its
scale, bias, activation and Quantize (docs/arithmetic.md).
"""

from dataclasses import dataclass, field

import numpy as np

from ..footprint import footprint
from ..graph import Graph, Node
from ..ops.common.quantization import quantization_multiplier, snap_shift
from ..ops.dequantize import Dequantize
from ..ops.quantize import Quantize
from ..simplify.constants import unpack_halves
from .arithmetic_on_codes import MEANS, ON_TWO, lower_arithmetic, read_exactly
from .arithmetics import Arithmetic, IntegerArithmetic
from .code_ranges import Range, range_of, works_on_codes
from .integer_layers import (
    INTEGER_LAYERS,
    LAYERS,
    IntegerWeights,
    integer_weights,
    lower_layer,
    set_arithmetic,
)
from .requantize import quantize_as_runtime
from .residual_add import is_absorbed_by_residual_add, lower_residual_add

__all__ = [
    "INTEGER_LAYERS",
    "LAYERS",
    "Arithmetic",
    "IntegerArithmetic",
    "IntegerWeights",
    "for_arithmetic",
    "integer_layers",
    "integer_weights",
    "lower",
]


def for_arithmetic(graph: Graph, arithmetic: Arithmetic) -> Graph:
    """The graph that computes a model in an arithmetic: lowered to integers, or as it is if it is float or to
    be simulated.

    A model may also be given codes: then its Dequantize operators stand in front of its layers. Whoever runs
    a model begins here, so this is where one is refused of which no run fits into the memory budget
    (MemoryLimitError).
    """
    footprint(graph).check(0)
    if arithmetic == "simulated" or not graph.of_type("FakeQuantize", "Dequantize", *INTEGER_LAYERS):
        return graph
    return lower(graph, arithmetic)


def lower(
    graph: Graph, arithmetic: IntegerArithmetic = "exact", *, fuse_residual_adds: bool | None = None
) -> Graph:
    """The integer graph of a quantized model; a copy. A float model comes back as it is, but copied.

    fuse_residual_adds: into the convolution before them, as OpenVINO does; or both branches are rounded to
    codes, as onnxruntime does. By default as the runtime does whose arithmetic it is.
    """
    if fuse_residual_adds is None:
        fuse_residual_adds = fuses_residual_adds(arithmetic)
    lowered = graph.copy()
    lowered.prune()  # so that nothing is decided by readers that nobody reads
    unpack_halves(lowered)
    lowering = Lowering.of(lowered, arithmetic, fuse_residual_adds)
    for lowering_pass in PASSES:
        lowering_pass(lowering)
        lowered.prune()  # so that a tensor's consumers are those that will run
    return lowered


def fuses_residual_adds(arithmetic: IntegerArithmetic) -> bool:
    """Whether the runtime whose arithmetic it is adds a residual branch to a convolution's sums before it
    rounds.
    """
    return arithmetic != "saturating-onnxruntime"


def integer_layers(graph: Graph) -> dict[str, bool]:
    """Name -> whether it runs on integers, for every weighted layer of a quantized model."""
    lowered = lower(graph)
    integer = {n.name.removesuffix("/integer") for n in lowered.of_type(*INTEGER_LAYERS)}
    return {n.name: n.name in integer for n in graph.of_type(*LAYERS)}


# ---- the passes --------------------------------------------------------------------------------------------


@dataclass
class Lowering:
    """What the passes tell each other. Passes add operators of the very types that they look for, so those to
    rewrite are listed while the graph is still the model.

    absorbed: FakeQuantize operators that a fused residual Add absorbs. sums: the model's own Add and
    Multiply, not those that scale sums. ranges: of every Quantize that was a FakeQuantize. rounded: Quantize
    operators that round as the runtime does already.
    """

    graph: Graph
    arithmetic: IntegerArithmetic
    absorbed: list[Node]
    sums: list[Node]
    ranges: dict[Node, Range] = field(default_factory=dict)
    rounded: set[Node] = field(default_factory=set)

    @classmethod
    def of(cls, graph: Graph, arithmetic: IntegerArithmetic, fuse_residual_adds: bool) -> "Lowering":
        """graph: a model, to be lowered in place."""
        absorbed = [
            n for n in graph.of_type("FakeQuantize") if fuse_residual_adds and is_absorbed_by_residual_add(n)
        ]
        return cls(graph, arithmetic, absorbed, graph.of_type(*ON_TWO))

    def still_there(self, nodes: list[Node]) -> list[Node]:
        """Without those that have been removed: editing them would edit what they still point to."""
        return [node for node in nodes if self.graph.nodes.get(node.name) is node]


def lower_fake_quantizes(lowering: Lowering) -> None:
    """FakeQuantize -> Quantize -> Dequantize, but for those that residual Adds absorb."""
    for node in list(lowering.graph.topological_order()):
        if node.type == "FakeQuantize" and node not in lowering.absorbed:
            _lower_fake_quantize(lowering.graph, node, lowering.ranges)


def lower_readers_of_codes(lowering: Lowering) -> None:
    """Layers and means compute on codes, and what only moves codes moves them: one pass in the order of the
    graph, because each of them looks for the Dequantize that the one before leaves behind.
    """
    graph = lowering.graph
    for node in list(graph.topological_order()):
        if node.type in LAYERS:
            lower_layer(graph, node, lowering.arithmetic, lowering.ranges)
        elif node.type in INTEGER_LAYERS:
            set_arithmetic(graph, node, lowering.arithmetic)
        elif works_on_codes(node):
            _sink_dequantize(graph, node)
        elif node.type in MEANS:
            lower_arithmetic(graph, node, lowering.ranges)


def lower_residual_adds(lowering: Lowering) -> None:
    """Add(FakeQuantize(convolution), codes) -> a chain behind the convolution; a FakeQuantize whose Add
    cannot be fused after all becomes codes as the others did.
    """
    for node in lowering.still_there(lowering.absorbed):
        quantize = lower_residual_add(lowering.graph, node, lowering.ranges)
        if quantize is not None:
            lowering.rounded.add(quantize)
        if node.output.consumers:
            _lower_fake_quantize(lowering.graph, node, lowering.ranges)


def lower_sums(lowering: Lowering) -> None:
    """Add and Multiply of codes, the model's own ones."""
    for node in lowering.still_there(lowering.sums):
        lower_arithmetic(lowering.graph, node, lowering.ranges)


def read_codes_exactly(lowering: Lowering) -> None:
    """Those who still read real numbers read them with the zero point's fraction."""
    for node in lowering.graph.of_type("Dequantize"):
        read_exactly(lowering.graph, node, lowering.ranges)


def round_as_runtime(lowering: Lowering) -> None:
    """Each Quantize rounds as the runtime's does behind such a layer."""
    for node in lowering.graph.of_type("Quantize"):
        if node in lowering.ranges and node not in lowering.rounded:
            quantize_as_runtime(lowering.graph, node, lowering.ranges[node])


#: The order matters; each reason says why a pass does not come earlier.
PASSES = (
    lower_fake_quantizes,
    lower_readers_of_codes,  # they look for a Dequantize in front of them
    lower_residual_adds,  # they look for an integer layer on one side, and for its codes on the other
    lower_sums,  # an Add that is not fused is a sum of codes when its FakeQuantize has become codes
    read_codes_exactly,  # who has not taken the codes by now reads real numbers
    round_as_runtime,  # how depends on what then stands in front of a Quantize, and on which codes are stored
)


# ---- activations -------------------------------------------------------------------------------------------


def _lower_fake_quantize(graph: Graph, node: Node, ranges: dict[Node, Range]) -> None:
    """FakeQuantize -> Quantize -> Dequantize, if u8 codes can carry it."""
    bounds = range_of(node)
    if bounds is None:
        return
    multiplier, shift = (
        np.asarray(v, np.float32) for v in quantization_multiplier(bounds.low, bounds.high, 256)
    )
    if bounds.signed:
        shift = np.full_like(shift, 128)
    if not np.array_equal(snap_shift(shift), np.rint(shift)) and not reaches_layer(node):
        return  # real zero is not a code; only a layer's arithmetic is worth rounding it to one
    zero_point = np.clip(np.floor(shift + np.float32(0.5)), 0, 255).astype(np.uint8)
    named: dict[str, np.ndarray] = {
        "multiplier": multiplier,
        "shift": shift,
        "scale": bounds.scale,
        "zero_point": zero_point,
    }
    tensors = {
        k: graph.constant(v.reshape(()) if v.size == 1 else v, graph.unique_name(f"{node.name}/{k}"))
        for k, v in named.items()
    }
    codes = graph.add(
        Quantize(),
        [node.inputs[0], tensors["multiplier"], tensors["shift"]],
        graph.unique_name(f"{node.name}/codes"),
    )
    real = graph.add(
        Dequantize(),
        [codes.output, tensors["scale"], tensors["zero_point"]],
        graph.unique_name(f"{node.name}/real"),
    )
    graph.redirect(node.output, real.output)
    ranges[codes] = bounds


def reaches_layer(node: Node) -> bool:
    """Whether a layer reads this result, directly or behind operators that work on codes."""
    readers = [use.node for use in node.output.consumers]
    return any(r.type in LAYERS or (works_on_codes(r) and reaches_layer(r)) for r in readers)


def _sink_dequantize(graph: Graph, node: Node) -> None:
    """op(Dequantize(q)) -> Dequantize(op(q)), for operators that treat codes as they treat real numbers."""
    data = node.inputs if node.type == "Concat" else node.inputs[:1]
    producers = [t.producer for t in data]
    if any(p.type != "Dequantize" for p in producers):
        return
    scale, zero_point = producers[0].inputs[1:]
    if (
        scale.constant is None
        or scale.constant.size != 1
        or any(not _same_affine_map(producers[0], p) for p in producers)
    ):
        return
    codes = [p.inputs[0] for p in producers]
    on_codes = graph.add(
        node.op, [*codes, *node.inputs[len(codes) :]], graph.unique_name(f"{node.name}/codes")
    )
    real = graph.add(
        Dequantize(), [on_codes.output, scale, zero_point], graph.unique_name(f"{node.name}/real")
    )
    graph.redirect(node.output, real.output)


def _same_affine_map(a: Node, b: Node) -> bool:
    pairs = zip((t.constant for t in a.inputs[1:]), (t.constant for t in b.inputs[1:]), strict=True)
    return all(s is not None and t is not None and np.array_equal(s, t) for s, t in pairs)
