"""How an integer layer's sums become the next layer's codes: a Quantize as a runtime computes it inside the
layer, bit for bit (docs/arithmetic.md).

    m = 255 / (H - L),   t = -L 255 / (H - L),   u = min(max(rint(y m + t), 0), 255)                 (10)

y is the layer's result, u its code, [L, H] the range of the codes. Which operators stand for it depends on
the range:

    one multiplier m, real zero is code 0   Quantize(1 / (1 / m), 0)                  a runtime divides by 1/m
    one multiplier m, any other shift       MultiplyAdd(m, shift) -> Quantize(1, 0)   rounded once
    a multiplier for each channel           Quantize(m, shift)                        rounded twice
    signed codes, kept as u8                ... -> Round -> Quantize(1, 128)          see below

For signed codes, ... is any of the three with shift - 128 and without its Quantize: as a rule the whole is
Multiply(1 / (1 / m)) -> Round -> Quantize(1, 128). The symmetric ranges that no convolution reads are signed.
A layer without a bias does not multiply by its scale first: the range is divided by it instead, and maps the
sums.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ..graph import Graph, Node, Tensor
from ..ops.add import Add
from ..ops.clamp import Clamp
from ..ops.common.quantization import quantization_multiplier
from ..ops.multiply import Multiply
from ..ops.multiply_add import MultiplyAdd
from ..ops.round import Round
from .code_ranges import LAST_CODE, Range
from .integer_layers import INTEGER_LAYERS

ACTIVATIONS = ("ReLU", "Clamp")
NEGLIGIBLE = LAST_CODE * np.float32(1e-5)  # a shift nearer to 0 than this is 0
SAME_SHIFT = 5e-5  # shifts of channels that differ by less than this are one


class LayerOutput(NamedTuple):
    """The operators between an integer layer and a tensor that nobody else reads."""

    scaled: Node  # Multiply by the scales
    bias: Node | None
    activation: Node | None


def layer_output(tensor: Tensor) -> LayerOutput | None:
    """layer -> Convert -> Multiply [-> Add bias] [-> activation] = tensor; None if it is anything else, or
    read on the way.
    """
    node = _only_read_once(tensor)
    activation = bias = None
    if node is not None and node.type in ACTIVATIONS:
        activation, node = node, _only_read_once(node.inputs[0])
    if node is not None and node.type == "Add" and node.inputs[1].constant is not None:
        bias, node = node, _only_read_once(node.inputs[0])
    if node is None or node.type != "Multiply" or node.inputs[1].constant is None:
        return None
    above = _only_read_once(node.inputs[0])
    if above is not None and above.type == "Subtract":  # a zero point with a fraction (integer_layers.py)
        above = _only_read_once(above.inputs[0])
    if above is None or above.type != "Convert" or above.inputs[0].producer.type not in INTEGER_LAYERS:
        return None
    return LayerOutput(node, bias, activation)


def _only_read_once(tensor: Tensor) -> Node | None:
    return tensor.producer if len(tensor.consumers) == 1 else None


def quantize_as_runtime(graph: Graph, quantize: Node, bounds: Range) -> None:
    """Give a Quantize the constants and the roundings that it has in a runtime."""
    output = layer_output(quantize.inputs[0])
    if output is not None:
        quantize_behind_layer(graph, quantize, fold_scale(graph, output, bounds))
    else:
        _quantize_floats(graph, quantize, _fold_arithmetic(graph, quantize.inputs[0], bounds))


def _quantize_floats(graph: Graph, quantize: Node, bounds: Range) -> None:
    """Quantize a tensor that a float operator stored: rounded twice."""
    multiplier, shift = quantization_multiplier(bounds.low, bounds.high, 256)
    if not (bounds.signed and bounds.stored):
        _set_constants(graph, quantize, multiplier, shift)
        return
    y = _product(graph, quantize.inputs[0], multiplier, f"{quantize.name}/mapped")
    shift = shift + bounds.first_code
    graph.set_input(
        quantize,
        0,
        y if np.abs(shift).max() < NEGLIGIBLE else _sum(graph, y, shift, f"{quantize.name}/shifted"),
    )
    _round_as_signed(graph, quantize)


def _fold_arithmetic(graph: Graph, tensor: Tensor, bounds: Range) -> Range:
    """Take a scale, and a zero point, that stand right above out of the graph and into the range."""
    node = _only_read_once(tensor)
    through = node if node is not None and node.type in ACTIVATIONS else None
    if through is not None:
        node = _only_read_once(through.inputs[0])
    if node is None or node.type != "Multiply":
        return bounds
    scale = node.inputs[1].constant
    if scale is None or scale.size != 1 or scale <= 0:
        return bounds
    graph.redirect(node.output, node.inputs[0])
    if through is not None and isinstance(through.op, Clamp):
        graph.replace_op(through, Clamp(min=through.op.min / float(scale), max=through.op.max / float(scale)))
    bounds = bounds.in_units_of(scale)
    shifted = node.inputs[0].producer
    if through is None and shifted.type == "Subtract" and shifted.inputs[1].constant is not None:
        zero = shifted.inputs[1].constant
        graph.redirect(shifted.output, shifted.inputs[0])
        bounds = replace(bounds, low=np.asarray(bounds.low + zero), high=np.asarray(bounds.high + zero))
    return bounds


def fold_scale(graph: Graph, output: LayerOutput, bounds: Range) -> Range:
    """Without a bias, take the layer's scale out of the graph and into the range."""
    scale = output.scaled.inputs[1].constant
    assert scale is not None
    if (
        output.bias is not None
        or (output.activation is not None and output.activation.type != "ReLU")
        or not (scale > 0).all()
    ):
        return bounds
    graph.redirect(output.scaled.output, output.scaled.inputs[0])
    return bounds.in_units_of(scale)


def quantize_behind_layer(graph: Graph, quantize: Node, bounds: Range) -> None:
    """Make a Quantize in an integer layer map this range to its codes, by the table above."""
    multiplier, shift = (
        one_if_equal(bounds.multiplier),
        one_if_equal(bounds.shift, SAME_SHIFT) + (bounds.first_code if bounds.stored else np.float32(0)),
    )
    if shift.size == 1 and abs(shift) < NEGLIGIBLE:
        shift = np.zeros_like(shift)
        if multiplier.size == 1 and bounds.stored:
            multiplier = np.float32(1) / (np.float32(1) / multiplier)
    if (bounds.signed and bounds.stored) or (multiplier.size == shift.size == 1 and shift != 0):
        graph.set_input(
            quantize, 0, affine(graph, quantize.inputs[0], multiplier, shift, f"{quantize.name}/mapped")
        )
        multiplier, shift = np.ones((), np.float32), np.zeros((), np.float32)
    _set_constants(graph, quantize, multiplier, shift)
    if bounds.signed and bounds.stored:
        _round_as_signed(graph, quantize)


def _round_as_signed(graph: Graph, quantize: Node) -> None:
    """Round before 128 is added, not after: near a half the sum is not exact."""
    graph.set_input(
        quantize,
        0,
        graph.add(Round(), [quantize.inputs[0]], graph.unique_name(f"{quantize.name}/signed")).output,
    )
    _set_constants(graph, quantize, np.ones((), np.float32), np.asarray(np.float32(128)))


def _set_constants(graph: Graph, quantize: Node, multiplier: np.ndarray, shift: np.ndarray) -> None:
    for port, (name, value) in enumerate({"multiplier": multiplier, "shift": shift}.items(), start=1):
        graph.set_input(
            quantize, port, graph.constant(np.asarray(value), graph.unique_name(f"{quantize.name}/{name}"))
        )


def affine(graph: Graph, x: Tensor, multiplier: np.ndarray, addend: np.ndarray, name: str) -> Tensor:
    """x * multiplier + addend: rounded once if both are one number, otherwise after each step; a step that
    changes nothing is left out.
    """
    if multiplier.size == addend.size == 1 and addend != 0:
        constants = [
            graph.constant(v, graph.unique_name(f"{name}/{k}"))
            for k, v in (("multiplier", multiplier), ("addend", addend))
        ]
        return graph.add(MultiplyAdd(), [x, *constants], graph.unique_name(name)).output
    product = _product(graph, x, multiplier, name)
    return _sum(graph, product, addend, f"{name}/sum") if addend.any() else product


def _product(graph: Graph, x: Tensor, factor: np.ndarray, name: str) -> Tensor:
    return graph.add(
        Multiply(),
        [x, graph.constant(factor, graph.unique_name(f"{name}/multiplier"))],
        graph.unique_name(name),
    ).output


def _sum(graph: Graph, x: Tensor, addend: np.ndarray, name: str) -> Tensor:
    return graph.add(
        Add(), [x, graph.constant(addend, graph.unique_name(f"{name}/addend"))], graph.unique_name(name)
    ).output


def one_if_equal(values: np.ndarray, tolerance: float = 0.0) -> np.ndarray:
    """The first of the values as a scalar, if all are that near to it."""
    first = values.reshape(-1)[0]
    return np.asarray(first) if (np.abs(values - first) <= tolerance).all() else values
