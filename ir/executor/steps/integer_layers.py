"""Integer layers as rows of a program: from codes, through sums, scale, bias and activation, to the next
layer's codes.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np

from numpot.kernels.layers.convolution import make_dense, suits_amx
from numpot.kernels.layers.depthwise import make_depthwise, pack_depthwise, positions_together
from numpot.kernels.layers.transposed_convolution import Phase
from numpot.kernels.layout.strips import scratch_size
from numpot.kernels.layout.weight_packing import PackedWeights, pack_convolution, pack_for_amx
from numpot.kernels.layout.window import Window
from numpot.kernels.program.step import Row
from numpot.kernels.program.step_kernels import Kernel
from numpot.kernels.reference import Arithmetic
from numpot.kernels.saturation import number_of_pairs, pairings, provably_safe

from ...graph import Node
from ...ops.im2col import Im2Col
from ...ops.matmul_integer import MatMulInteger
from .builder import Context, Image, LayerKernel, Tallied, image, window_of
from .float_layers import pieces
from .fusion import Chain
from .integer_epilogue import LayerEnd, take_epilogue
from .packed_weights import packed
from .tensor_slots import lies_channels_last

_BYTES = {"S": 4, "F": 4, "U": 1, "R": 1}  # of an output element
_DOTS = {
    "S": Kernel.CONVOLUTION_US,
    "F": Kernel.CONVOLUTION_UF,
    "U": Kernel.CONVOLUTION_UU,
    "R": Kernel.CONVOLUTION_UUR,
}
_TILES = {"S": Kernel.AMX_US, "F": Kernel.AMX_UF, "U": Kernel.AMX_UU, "R": Kernel.AMX_UUR}
_COUNTED = {"S": Kernel.COUNTED_US, "F": Kernel.COUNTED_UF, "U": Kernel.COUNTED_UU, "R": Kernel.COUNTED_UUR}
_DEPTHWISE = {"S": Kernel.DEPTHWISE_US, "F": Kernel.DEPTHWISE_UF, "U": Kernel.DEPTHWISE_UU}


def convolution(node: Node, chain: Chain, context: Context) -> LayerKernel | None:
    """ConvolutionInteger and what integer_epilogue.py takes over behind it."""
    weights, zero_point, op = chain.constant(node.inputs[1]), chain.constant(node.inputs[2]), node.op
    x, y = image(node.inputs[0], context.slots), image(node.output, context.slots)
    if weights is None or weights.ndim != 4 or zero_point is None or x is None or y is None:
        return None
    groups: int = op.groups  # type: ignore[attr-defined]
    window = window_of(op, weights.shape[2:])
    if weights.shape[1] == 1 and groups == len(weights):
        return _depthwise(node, chain, context, weights, zero_point, window, x, y)
    if zero_point.size != 1:
        return None
    return _dense(node, chain, context, weights, groups, int(zero_point.item()), window, x, y, "convolution")


def im2col(node: Node, chain: Chain, context: Context) -> LayerKernel | None:
    """Im2Col with a constant border."""
    border, op = chain.constant(node.inputs[1]), node.op
    x, y = image(node.inputs[0], context.slots), image(node.output, context.slots)
    if border is None or x is None or y is None or not lies_channels_last(node.inputs[0]):
        return None
    row = Row(Kernel.IM2COL, flag=op.groups, zero_point=int(border.item()))  # type: ignore[attr-defined]
    row.shapes(x, y)
    row.write("window", window_of(op, op.kernel))  # type: ignore[attr-defined]
    return LayerKernel("im2col", row, node.inputs[0])


def matmul(node: Node, chain: Chain, context: Context) -> LayerKernel | None:
    """MatMulInteger, as a 1x1 convolution over a line of rows, and the same behind it."""
    weights, zero_point, op = chain.constant(node.inputs[1]), chain.constant(node.inputs[2]), node.op
    x, y = image(node.inputs[0], context.slots), image(node.output, context.slots)
    if (
        weights is None
        or weights.ndim != 2
        or zero_point is None
        or zero_point.size != 1
        or x is None
        or y is None
    ):
        return None
    if len(node.inputs[0].shape) == 4:
        return None
    transposed: bool = op.transpose_b  # type: ignore[attr-defined]
    by_column = packed(
        weights, ("by column", transposed), lambda: (weights if transposed else weights.T)[:, :, None, None]
    )
    return _dense(node, chain, context, by_column, 1, int(zero_point.item()), Window((1, 1)), x, y, "matmul")


def _dense(
    node: Node,
    chain: Chain,
    context: Context,
    weights: np.ndarray,
    groups: int,
    zero_point: int,
    window: Window,
    x: Image,
    y: Image,
    label: str,
) -> LayerKernel:
    block: int = node.op.block if node.op.arithmetic == "saturating" else 0  # type: ignore[attr-defined]
    layer = IntegerLayer(node.op.arithmetic, groups, zero_point, x, y, label, block)  # type: ignore[attr-defined]
    whole = _as_a_convolution(weights, node.inputs[0].producer)
    ways = partial(pairings, whole.shape, groups=groups, is_matrix=isinstance(node.op, MatMulInteger))
    is_safe = packed(weights, ("safe", block), lambda: bool(provably_safe(weights, block).all()))
    tallied = Tallied(whole, number_of_pairs(y, weights.shape, block), ways, is_safe)
    return dense_row(
        layer, weights, window, None, take_epilogue(chain, context.slots, y[2]), tallied, node, context
    )


def _as_a_convolution(weights: np.ndarray, producer: Node) -> np.ndarray:
    """(O,kh*kw*G,1,1) behind an Im2Col -> (O,G,kh,kw); other weights as they are."""
    if not isinstance(producer.op, Im2Col):
        return weights
    return weights.reshape(len(weights), *producer.op.kernel, -1).transpose(0, 3, 1, 2)


@dataclass(frozen=True)
class IntegerLayer:
    """x, y: its input and its output. block: of a 1x1 kernel, as in `reference.pairs`."""

    arithmetic: Arithmetic
    groups: int
    zero_point: int
    x: Image
    y: Image
    label: str
    block: int = 0


def dense_row(
    layer: IntegerLayer,
    weights: np.ndarray,
    window: Window,
    phase: Phase | None,
    end: LayerEnd,
    tallied: Tallied,
    node: Node,
    context: Context,
) -> LayerKernel:
    """The row of a convolution with weights (O,G,kh,kw): of all outputs, or of a phase of them."""
    size, output_grid = (layer.y[:2], None) if phase is None else (phase.size, phase.output_grid)
    exact = layer.arithmetic == "exact" or tallied.is_safe_here
    in_tiles = exact and not context.counting and suits_amx(window, size, weights.shape, layer.groups)
    kernels = _TILES if in_tiles else _COUNTED if context.counting else _DOTS
    row = Row(kernels[end.stores], flag=int(window.is_pointwise and phase is None))
    row.shapes(layer.x, (*size, layer.y[2]))
    _write_end(row, end)
    packed_weights = _pack(weights, layer, window, in_tiles)
    dense = make_dense(
        packed_weights, window, size, layer.zero_point, not exact, _BYTES[end.stores], output_grid
    )
    row.layer(dense)
    other = end.branch.codes if end.branch else None
    label = f"{layer.label} u8s8 {layer.arithmetic}{' in tiles' if in_tiles else ''}"
    return LayerKernel(label, row, node.inputs[0], other, tallied=tallied, scratch=scratch_size(dense.strips))


def _pack(weights: np.ndarray, layer: IntegerLayer, window: Window, in_tiles: bool) -> PackedWeights:
    groups, block = layer.groups, layer.block
    if not in_tiles:
        return packed(weights, ("s8", groups, block), lambda: pack_convolution(weights, groups, block))
    dilated = window.dilations[1] > 1
    return packed(
        weights,
        ("s8 in tiles", groups, dilated),
        lambda: pack_for_amx(weights, groups, dilated=dilated),
    )


def _depthwise(
    node: Node,
    chain: Chain,
    context: Context,
    weights: np.ndarray,
    zero_point: np.ndarray,
    window: Window,
    x: Image,
    y: Image,
) -> LayerKernel:
    together = positions_together(window, y[1])
    taps = packed(weights, ("depthwise", together), lambda: pack_depthwise(weights, together))
    border = np.ascontiguousarray(np.broadcast_to(zero_point.reshape(-1), y[2]), np.uint8)
    end = take_epilogue(chain, context.slots, y[2], with_branch=False)
    layer = make_depthwise(
        taps, -taps.sums * border, border, window, y[:2], _BYTES[end.stores], strips=pieces(context.threads)
    )
    row = Row(_DEPTHWISE[end.stores])
    row.shapes(x, y)
    _write_end(row, end)
    row.layer(layer)
    tallied = Tallied(weights, number_of_pairs(y, weights.shape), pairings=list, is_safe_here=True)
    return LayerKernel(
        "depthwise u8s8", row, node.inputs[0], tallied=tallied, scratch=scratch_size(layer.strips)
    )


def _write_end(row: Row, end: LayerEnd) -> None:
    if end.epilogue:
        row.write("epilogue", end.epilogue)
    if end.branch:
        row.write("residual", end.branch.constants)
