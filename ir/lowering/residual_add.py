"""A residual Add that the convolution above it computes: the sum of a block, formed in units of the other
branch's codes (docs/arithmetic.md).

    Add(FakeQuantize_a(convolution), Dequantize(codes_b)) [-> activation] -> FakeQuantize_c

becomes one chain, that a kernel can finish while the sums are in registers:

    z = z_a + z_b s_b / s_a,   low = (f_a - z) s_a / s_b,   high = (f_a + 255 - z) s_a / s_b
    r = (high - low) / 255                                                                           (14)

    alpha = m_a r,   beta = t_a r + low
    v = min(max(alpha y + beta, low), low + 255 r) + (q_b + f_b)                                     (15)

    u = quantize(v), for the bounds L_c / s_b and H_c / s_b                                          (16)

y is the convolution's real result, q_b a code of the other branch, u one of the sum. s, m and t are scale,
multiplier and shift of the ranges a and b; z_a and z_b are the shifts, or 0 for signed codes, and f the first
code, 0 or -128.

    ConvolutionInteger -> Convert -> Multiply(scale) -> Add(bias)
        -> MultiplyAdd(alpha, beta)  or  Multiply(alpha) where beta is 0     (a)
        -> Clamp(low, high)
        -> Add(Dequantize(codes_b, 1, 0))                                    (b)
        [-> activation]
        -> MultiplyAdd(m, shift) -> Quantize(1, 0)  or  Quantize(m, 0) ...   (c)

(a) is FakeQuantize_a without its rounding, in units of the codes of b; (b) has zero point 128 if the codes of
b are signed (Range.signed); (c) is what requantize.py writes for the range of c in units of the codes of b.

A convolution without a bias has no Multiply(scale): alpha, one for each channel, contains the scale, and beta
is added by an Add.
"""

from dataclasses import dataclass

import numpy as np

from ..graph import Graph, Node, Tensor
from ..ops.add import Add
from ..ops.clamp import Clamp
from ..ops.round import Round
from .arithmetic_on_codes import code_values, codes_in_units_of
from .code_ranges import LAST_CODE, Range, range_of, source_of_codes, works_on_codes
from .requantize import (
    ACTIVATIONS,
    SAME_SHIFT,
    LayerOutput,
    affine,
    fold_scale,
    layer_output,
    one_if_equal,
    quantize_behind_layer,
)

# ---- which Adds --------------------------------------------------------------------------------------------


def is_absorbed_by_residual_add(node: Node) -> bool:
    """Whether the Add that reads this FakeQuantize is computed by the convolution above it.

    The convolution then adds the other branch to its float result and stores the sum as codes; between the
    two the FakeQuantize only clips. It does so where the other branch is codes, but not those that it reads
    itself, because the sum is written over them. Of two such convolutions the one on input 0 absorbs the Add.
    """
    if len(node.output.consumers) != 1:
        return False
    add, port = node.output.consumers[0]
    convolution = _convolution_above(node.inputs[0])
    if add.type != "Add" or convolution is None or not _is_requantized(add.output):
        return False
    other = add.inputs[1 - port]
    if (
        other is convolution.inputs[0]
        or other.shape != node.output.shape
        or not _carries_codes(other.producer)
    ):
        return False
    return port == 0 or not (
        other.producer.type == "FakeQuantize" and is_absorbed_by_residual_add(other.producer)
    )


def _convolution_above(tensor: Tensor) -> Node | None:
    """The convolution that computes this tensor, with its bias and activation; None if it is not one, or if
    others read it on the way.
    """
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
    """Whether the vendor stores this result as codes: they are made here, or above operators that pass them
    on. A Concat has several inputs; behind an Interpolate this has not been compared with the vendor.
    """
    while works_on_codes(node) and node.type not in ("Concat", "Interpolate"):
        node = node.inputs[0].producer
    return node.type in ("FakeQuantize", "Dequantize")


# ---- what becomes of them ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class ResidualAdd:
    """What a fused residual Add is made of, all other operators lowered. a, b, c: ranges of its branches and
    of its result.
    """

    fake_quantize: Node  # of the convolution's result
    layer: LayerOutput  # between the two
    codes: Tensor  # of the other branch
    add: Node
    quantize: Node  # of the result
    a: Range
    b: Range
    c: Range


def lower_residual_add(graph: Graph, fake_quantize: Node, ranges: dict[Node, Range]) -> Node | None:
    """Rewrite the Add that absorbs this FakeQuantize, down to the Quantize of the sum, which is returned.

    None, and nothing changed, where its branches are no integers after all.

    ranges: of every Quantize in the graph that was a FakeQuantize.
    """
    r = _residual_add(fake_quantize, ranges)
    if r is None:
        return None
    skip = code_values(graph, r.codes, r.b, r.add.name)
    total = graph.add(Add(), [_in_codes_of_b(graph, r), skip], graph.unique_name(f"{r.add.name}/total"))
    graph.redirect(r.add.output, total.output)
    for use in total.output.consumers:
        if isinstance(use.node.op, Clamp):
            graph.replace_op(
                use.node,
                Clamp(min=use.node.op.min / float(r.b.scale), max=use.node.op.max / float(r.b.scale)),
            )
    quantize_behind_layer(graph, r.quantize, r.c.in_units_of(r.b.scale))
    return r.quantize


def _residual_add(fake_quantize: Node, ranges: dict[Node, Range]) -> ResidualAdd | None:
    layer = layer_output(fake_quantize.inputs[0])
    add, port = fake_quantize.output.consumers[0]
    other = add.inputs[1 - port].producer
    reader = add.output.consumers[0].node
    quantize = reader.output.consumers[0].node if reader.type in ACTIVATIONS else reader
    if layer is None or other.type != "Dequantize" or quantize not in ranges:
        return None
    b = ranges.get(source_of_codes(other.inputs[0]))
    a = range_of(fake_quantize)
    if a is None or b is None or a.low.size != 1 or b.low.size != 1:
        return None
    return ResidualAdd(fake_quantize, layer, other.inputs[0], add, quantize, a, b, ranges[quantize])


def _in_codes_of_b(graph: Graph, r: ResidualAdd) -> Tensor:
    """The convolution's result, mapped to codes of b and clipped, but not rounded; rounded where an
    activation stays between the two.
    """
    scale, shift = codes_in_units_of(r.a, r.b)
    inner = fold_scale(graph, r.layer, r.a)  # from the layer's sums or reals to codes of a
    multiplier, zero = one_if_equal(inner.multiplier), one_if_equal(inner.shift, SAME_SHIFT)
    y, name = r.fake_quantize.inputs[0], r.fake_quantize.name
    if not _clips_as_it_is(r):
        y = affine(graph, y, multiplier, _unless_negligible(zero, LAST_CODE), f"{name}/mapped")
        y = graph.add(Round(), [y], graph.unique_name(f"{name}/rounded")).output
        y = graph.add(Clamp(min=0.0, max=float(LAST_CODE)), [y], graph.unique_name(f"{name}/clip")).output
        return affine(graph, y, scale, shift, f"{name}/in_codes")
    low, high = shift, LAST_CODE * scale + shift
    addend = _unless_negligible(zero * scale + shift, high - low)
    y = affine(graph, y, one_if_equal(multiplier * scale), addend, f"{name}/mapped")
    return graph.add(Clamp(min=float(low), max=float(high)), [y], graph.unique_name(f"{name}/clip")).output


def _clips_as_it_is(r: ResidualAdd) -> bool:
    """Whether nothing stands between the convolution and its FakeQuantize; a ReLU does not if the range
    begins at 0 anyway.
    """
    return r.layer.activation is None or (r.layer.activation.type == "ReLU" and r.a.low == 0)


def _unless_negligible(addend: np.ndarray, width: np.ndarray | np.float32) -> np.ndarray:
    return np.zeros_like(addend) if addend.size == 1 and abs(addend) < width * np.float32(1e-5) else addend
