"""From FakeQuantize to integers: what a runtime does to a quantized model before it runs it.

A FakeQuantize says "round to these 256 values" in real numbers. Lowering makes the codes themselves flow:

    FakeQuantize(x)               ->  Dequantize(Quantize(x))                    codes are u8
    Convolution(deq(q), w_int8)   ->  ConvolutionInteger(q, w) * scale           acc is s32, scale = s_x * s_w in float32
    MaxPool(deq(q)), Concat, ...  ->  deq(MaxPool(q))                            operators that compute the same on codes
    Add(FakeQuantize(conv), b)    ->  Add(Clamp(conv), b)                        a fused residual Add: its codes never exist

What the integers cannot express stays in float, between a Dequantize and a Quantize. The result is an ordinary graph: the interpreter
runs it operator by operator, and the executor fuses each layer with its scale, bias, activation and Quantize (docs/arithmetic.md).
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from .dtypes import F32, I8
from .graph import Graph, Node, Tensor
from .ops.affine import quantization_multiplier, snap_shift
from .ops.clamp import Clamp
from .ops.convert import Convert
from .ops.convolution import Convolution
from .ops.convolution_integer import ConvolutionInteger
from .ops.dequantize import Dequantize
from .ops.fake_quantize import FakeQuantize
from .ops.matmul import MatMul
from .ops.matmul_integer import MatMulInteger
from .ops.multiply import Multiply
from .ops.quantize import Quantize
from .ops.subtract import Subtract

IntegerArithmetic = Literal["exact", "saturating"]
Arithmetic = Literal["exact", "saturating", "simulated"]
INTEGER_LAYERS = ("ConvolutionInteger", "MatMulInteger")
LAYERS = ("Convolution", "ConvolutionBackpropData", "MatMul")
ACTIVATIONS = ("ReLU", "Clamp")

#: Operators that give the codes of what they would give for the real numbers, when one scale serves the whole tensor.
ON_CODES = frozenset("MaxPool ReduceMax Reshape Flatten Squeeze Unsqueeze Transpose Slice StridedSlice Gather Tile DepthToSpace".split())


@dataclass(frozen=True)
class IntegerWeights:
    """s8 codes and the float32 scale of each output channel, (O,) or (1,): w = codes * scale."""

    codes: np.ndarray
    scale: np.ndarray


def for_arithmetic(graph: Graph, arithmetic: Arithmetic) -> Graph:
    """The graph that computes a model in an arithmetic: lowered to integers, or as it is if it is float or to be simulated."""
    if arithmetic == "simulated" or not graph.of_type("FakeQuantize", *INTEGER_LAYERS):
        return graph
    return lower(graph, arithmetic)


def lower(graph: Graph, arithmetic: IntegerArithmetic = "exact") -> Graph:
    """The integer graph of a quantized model; a copy. A float model comes back as it is, but copied."""
    lowered = graph.copy()
    for node in list(lowered.topological_order()):
        if node.type == "FakeQuantize":
            _lower_fake_quantize(lowered, node)
    for node in list(lowered.topological_order()):
        if node.type in ("Convolution", "MatMul"):
            _lower_layer(lowered, node, arithmetic)
        elif node.type in INTEGER_LAYERS:
            lowered.replace_op(node, replace(node.op, arithmetic=arithmetic))  # type: ignore[type-var]
        elif node.type in ON_CODES or node.type == "Concat":
            _sink_dequantize(lowered, node)
    for node in lowered.of_type("Quantize"):
        _snap_fused_shift(lowered, node)
    lowered.prune()
    return lowered


def integer_layers(graph: Graph) -> dict[str, bool]:
    """Name -> whether it runs on integers, for every weighted layer of a quantized model."""
    lowered = lower(graph)
    integer = {n.name.removesuffix("/integer") for n in lowered.of_type(*INTEGER_LAYERS)}
    return {n.name: n.name in integer for n in graph.of_type(*LAYERS)}


# ---- activations ---------------------------------------------------------------------------------------------------------------


def _lower_fake_quantize(graph: Graph, node: Node) -> None:
    """FakeQuantize -> Quantize -> Dequantize, or -> Clamp where a residual Add absorbs it, if u8 codes can carry it."""
    assert isinstance(node.op, FakeQuantize)
    x, *ends = node.inputs
    bounds = [t.constant for t in ends]
    if x.constant is not None or node.op.levels != 256 or any(b is None for b in bounds):
        return
    low, high, out_low, out_high = (np.asarray(b, np.float32) for b in bounds)
    if not (np.array_equal(low, out_low) and np.array_equal(high, out_high)) or not _is_per_tensor_or_channel(low, len(x.shape)):
        return
    if _is_absorbed_by_residual_add(node) and low.size == 1:
        clip = graph.add(Clamp(min=float(low.item()), max=float(high.item())), [x], graph.unique_name(f"{node.name}/clip"))
        graph.redirect(node.output, clip.output)
        return
    multiplier, shift = (np.asarray(v, np.float32) for v in quantization_multiplier(low, high, 256))
    if not np.array_equal(snap_shift(shift), np.rint(shift)) and not reaches_layer(node):
        return  # real zero is not a code; only a layer's arithmetic is worth rounding it to one
    scale = ((high - low) / np.float32(255)).astype(np.float32)
    zero_point = np.clip(np.floor(shift + np.float32(0.5)), 0, 255).astype(np.uint8)
    named: dict[str, np.ndarray] = {"multiplier": multiplier, "shift": shift, "scale": scale, "zero_point": zero_point}
    tensors = {k: graph.constant(v.reshape(()) if v.size == 1 else v, graph.unique_name(f"{node.name}/{k}")) for k, v in named.items()}
    codes = graph.add(Quantize(), [x, tensors["multiplier"], tensors["shift"]], graph.unique_name(f"{node.name}/codes"))
    real = graph.add(Dequantize(), [codes.output, tensors["scale"], tensors["zero_point"]], graph.unique_name(f"{node.name}/real"))
    graph.redirect(node.output, real.output)


def reaches_layer(node: Node) -> bool:
    """Whether a layer reads this result, directly or behind operators that work on codes."""
    readers = [use.node for use in node.output.consumers]
    return any(r.type in LAYERS or ((r.type in ON_CODES or r.type == "Concat") and reaches_layer(r)) for r in readers)


def _is_per_tensor_or_channel(bound: np.ndarray, rank: int) -> bool:
    return bound.size == 1 or (bound.ndim == rank and rank > 1 and bound.size == bound.shape[1])


def _is_absorbed_by_residual_add(node: Node) -> bool:
    """Whether the Add that reads this FakeQuantize is computed by the convolution above it (docs/arithmetic.md, "Residual Adds").

    The convolution then adds the other branch to its float result and stores the sum as codes; between the two the FakeQuantize only
    clips. It does so where the other branch is codes, but not those that it reads itself, because the sum is written over them. Of two
    such convolutions the one on input 0 absorbs the Add.
    """
    if len(node.output.consumers) != 1:
        return False
    add, port = node.output.consumers[0]
    convolution = _convolution_above(node.inputs[0])
    if add.type != "Add" or convolution is None or not _is_requantized(add.output):
        return False
    other = add.inputs[1 - port]
    if other is convolution.inputs[0] or other.shape != node.output.shape or not _carries_codes(other.producer):
        return False
    return port == 0 or not (other.producer.type == "FakeQuantize" and _is_absorbed_by_residual_add(other.producer))


def _convolution_above(tensor: Tensor) -> Node | None:
    """The convolution that computes this tensor, with its bias and activation; None if it is not one, or if others read it on the way."""
    node = tensor.producer
    if node.type in ACTIVATIONS and len(tensor.consumers) == 1:
        tensor = node.inputs[0]
        node = tensor.producer
    if node.type == "Add" and node.inputs[1].constant is not None and len(tensor.consumers) == 1:
        tensor = node.inputs[0]
        node = tensor.producer
    return node if node.type == "Convolution" and len(tensor.consumers) == 1 else None


def _is_requantized(tensor: Tensor) -> bool:
    """Whether a FakeQuantize, and nobody else, reads the tensor or its activation."""
    while len(tensor.consumers) == 1 and tensor.consumers[0].node.type in ACTIVATIONS:
        tensor = tensor.consumers[0].node.output
    return [use.node.type for use in tensor.consumers] == ["FakeQuantize"]


def _carries_codes(node: Node) -> bool:
    """Whether the vendor stores this result as codes: they are made here, or above operators that pass them on."""
    while node.type in ON_CODES:
        node = node.inputs[0].producer
    return node.type in ("FakeQuantize", "Dequantize")


def _sink_dequantize(graph: Graph, node: Node) -> None:
    """op(Dequantize(q)) -> Dequantize(op(q)), for operators that treat codes as they treat real numbers."""
    data = node.inputs if node.type == "Concat" else node.inputs[:1]
    producers = [t.producer for t in data]
    if any(p.type != "Dequantize" for p in producers):
        return
    scale, zero_point = producers[0].inputs[1:]
    if scale.constant is None or scale.constant.size != 1 or any(not _same_affine_map(producers[0], p) for p in producers):
        return
    codes = [p.inputs[0] for p in producers]
    on_codes = graph.add(node.op, [*codes, *node.inputs[len(codes) :]], graph.unique_name(f"{node.name}/codes"))
    real = graph.add(Dequantize(), [on_codes.output, scale, zero_point], graph.unique_name(f"{node.name}/real"))
    graph.redirect(node.output, real.output)


def _snap_fused_shift(graph: Graph, quantize: Node) -> None:
    """Where an integer layer stores the codes, the vendor takes a shift within 1e-3 of an integer for that integer (ops/affine.py)."""
    above = quantize.inputs[0].producer
    while above.type in ("ReLU", "Clamp", "Add", "Multiply", "Convert"):
        above = next((t.producer for t in above.inputs if t.producer.type != "Dequantize"), above.inputs[0].producer)
    shift = quantize.inputs[2].constant
    if above.type in INTEGER_LAYERS and shift is not None:
        snapped = graph.constant(snap_shift(shift).astype(np.float32), graph.unique_name(f"{quantize.name}/shift"))
        graph.set_input(quantize, 2, snapped)


def _same_affine_map(a: Node, b: Node) -> bool:
    return all(s.constant is not None and np.array_equal(s.constant, t.constant) for s, t in zip(a.inputs[1:], b.inputs[1:], strict=True))  # type: ignore[arg-type]


# ---- layers --------------------------------------------------------------------------------------------------------------------


def _lower_layer(graph: Graph, node: Node, arithmetic: IntegerArithmetic) -> None:
    """Convolution or MatMul of codes with int8 weights -> its integer twin and one multiplication by s_x * s_w."""
    real = node.inputs[0].producer
    weights = integer_weights(node.inputs[1])
    if real.type != "Dequantize" or weights is None:
        return
    codes, scale, zero_point = real.inputs
    if scale.constant is None or zero_point.constant is None:
        return
    twin = _integer_twin(node, weights, scale.constant.size, arithmetic)
    if twin is None:
        return
    channels = (-1, *(1,) * (len(node.output.shape) - 2)) if isinstance(node.op, Convolution) else (-1,)
    factor = (scale.constant.reshape(-1) * weights.scale.reshape(-1)).astype(np.float32).reshape(channels)
    w = graph.constant(weights.codes, graph.unique_name(f"{node.name}/weights"))
    offset = _fractional_offset(codes, twin, weights.codes)
    if offset is not None:
        zero_point = graph.constant(np.zeros((), np.uint8), graph.unique_name(f"{node.name}/zero_point"))
    acc = graph.add(twin, [codes, w, zero_point], graph.unique_name(f"{node.name}/integer"))
    result = graph.add(Convert(destination_type=F32), [acc.output], graph.unique_name(f"{node.name}/float")).output
    if offset is not None:
        shift = graph.constant(offset, graph.unique_name(f"{node.name}/offset"))
        result = graph.add(Subtract(), [result, shift], graph.unique_name(f"{node.name}/shifted")).output
    by = graph.constant(factor, graph.unique_name(f"{node.name}/scale"))
    graph.redirect(node.output, graph.add(Multiply(), [result, by], graph.unique_name(f"{node.name}/scaled")).output)


def _fractional_offset(codes: Tensor, twin: ConvolutionInteger | MatMulInteger, weights: np.ndarray) -> np.ndarray | None:
    """(columns,) float32 to subtract from a matrix product whose input has real zero between two codes; None where zero is a code.

    A convolution rounds such a zero point, a matrix product keeps it: shift * w, summed in float32 from the first row to the last.
    """
    while codes.producer.type in ON_CODES:
        codes = codes.producer.inputs[0]
    if not isinstance(twin, MatMulInteger) or codes.producer.type != "Quantize":
        return None
    shift = codes.producer.inputs[2].constant
    if shift is None or shift.size != 1 or snap_shift(shift) == np.rint(shift):
        return None
    rows = weights.T if twin.transpose_b else weights  # (K,N)
    return np.add.accumulate(rows * shift.reshape(()), axis=0, dtype=np.float32)[-1]


def _integer_twin(
    node: Node, weights: IntegerWeights, input_scales: int, arithmetic: IntegerArithmetic
) -> ConvolutionInteger | MatMulInteger | None:
    op = node.op
    if isinstance(op, Convolution):
        depthwise = op.groups == weights.codes.shape[0] and weights.codes.shape[1] == 1
        if weights.codes.ndim != 4 or (input_scales != 1 and not depthwise):
            return None
        return ConvolutionInteger(
            strides=op.strides,
            pads_begin=op.pads_begin,
            pads_end=op.pads_end,
            dilations=op.dilations,
            groups=op.groups,
            arithmetic=arithmetic,
        )
    assert isinstance(op, MatMul)
    if op.transpose_a or weights.codes.ndim != 2 or input_scales != 1 or (weights.scale.size != 1 and not op.transpose_b):
        return None
    return MatMulInteger(transpose_b=op.transpose_b, arithmetic=arithmetic)


def integer_weights(tensor: Tensor) -> IntegerWeights | None:
    """The integers behind a weights tensor, stored as Constant(s8) -> Convert -> Multiply, or None if there are none.

    Weights with a zero point (preset `accuracy`) have no such form on CPUs: their layers stay in float.
    """
    multiply = tensor.producer
    if multiply.type != "Multiply":
        return None
    convert, scale = multiply.inputs[0].producer, multiply.inputs[1].constant
    if convert.type != "Convert" or scale is None:
        return None
    codes = convert.inputs[0].constant
    if codes is None or codes.dtype != I8 or scale.size not in (1, codes.shape[0]) or (scale.size > 1 and scale.shape[0] != scale.size):
        return None
    return IntegerWeights(codes, scale.reshape(-1).astype(np.float32))
