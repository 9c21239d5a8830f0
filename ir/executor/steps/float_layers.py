"""Float layers as rows of a program: the layer, its bias, its activation, and the residual branch that is
added to it.
"""

from typing import Any, NamedTuple

import numpy as np

from numpot.kernels.layers.convolution import make_dense
from numpot.kernels.layers.depthwise import make_depthwise, pack_depthwise
from numpot.kernels.layers.transposed_convolution import Phase
from numpot.kernels.layout.strips import scratch_size
from numpot.kernels.layout.weight_packing import (
    PackedWeights,
    pack_float_convolution,
    pack_float_matmul,
)
from numpot.kernels.layout.window import Window
from numpot.kernels.program.step import Row
from numpot.kernels.program.step_kernels import Kernel
from numpot.kernels.tiles.epilogue import FloatEpilogue

from ...graph import Node, Tensor
from .builder import Context, Image, LayerKernel, activation, image, window_of
from .fusion import Chain
from .packed_weights import packed

ZERO = np.zeros((), np.float32)


def convolution(node: Node, chain: Chain, context: Context) -> LayerKernel | None:
    """Convolution [-> Add bias] [-> ReLU | Clamp] [-> Add branch [-> ReLU | Clamp]]."""
    weights, op = chain.constant(node.inputs[1]), node.op
    x, y = image(node.inputs[0], context.slots), image(node.output, context.slots)
    if weights is None or weights.ndim != 4 or weights.dtype != np.float32 or x is None or y is None:
        return None
    groups: int = op.groups  # type: ignore[attr-defined]
    window = window_of(op, weights.shape[2:])
    if weights.shape[1] == 1 and groups == len(weights):
        return _depthwise(node, chain, context, weights, window, x, y)
    layer = packed(weights, ("f32", groups), lambda: pack_float_convolution(weights, groups))
    return _dense(node, chain, context, layer, window, x, y, "convolution f32")


def matmul(node: Node, chain: Chain, context: Context) -> LayerKernel | None:
    """MatMul with constant weights, and the same behind it."""
    weights, op = chain.constant(node.inputs[1]), node.op
    x, y = image(node.inputs[0], context.slots), image(node.output, context.slots)
    if weights is None or weights.ndim != 2 or weights.dtype != np.float32 or x is None or y is None:
        return None
    if op.transpose_a:  # type: ignore[attr-defined]
        return None
    # a matrix product runs over the last axis, which is not the last in memory
    if len(node.inputs[0].shape) == 4:
        return None
    matrix = weights.T if op.transpose_b else weights  # type: ignore[attr-defined]
    layer = packed(weights, ("f32 matrix", op.transpose_b), lambda: pack_float_matmul(matrix))  # type: ignore[attr-defined]
    return _dense(node, chain, context, layer, Window((1, 1)), x, y, "matmul f32")


def _dense(
    node: Node, chain: Chain, context: Context, weights: Any, window: Window, x: Image, y: Image, label: str
) -> LayerKernel:
    return dense_row(node, take_end(chain, context, y[2]), weights, window, None, x, y, label)


class FloatEnd(NamedTuple):
    """What a kernel takes over behind the sums: bias and activation, and a branch with an activation of the
    sum.
    """

    epilogue: FloatEpilogue
    branch: Tensor | None = None
    bounds: tuple[float, float] = (-np.inf, np.inf)


def take_end(chain: Chain, context: Context, channels: int, *, with_branch: bool = True) -> FloatEnd:
    bias, low, high = _bias_and_activation(chain, channels)
    epilogue = FloatEpilogue(bias, np.float32(low), np.float32(high))
    branch = chain.take_sum(context.slots) if with_branch else None
    return FloatEnd(epilogue) if branch is None else FloatEnd(epilogue, branch, activation(chain))


def dense_row(
    node: Node,
    end: FloatEnd,
    weights: PackedWeights,
    window: Window,
    phase: Phase | None,
    x: Image,
    y: Image,
    label: str,
) -> LayerKernel:
    """The row of a convolution: of all outputs, or of a phase of them."""
    size, output_grid = (y[:2], None) if phase is None else (phase.size, phase.output_grid)
    row = Row(
        Kernel.CONVOLUTION_FFR if end.branch else Kernel.CONVOLUTION_FF,
        flag=int(window.is_pointwise and phase is None),
    )
    row.shapes(x, (*size, y[2]))
    row.write("epilogue", end.epilogue)
    row.write("residual", {"least": end.bounds[0], "most": end.bounds[1]})
    layer = make_dense(weights, window, size, 0, False, 4, output_grid)
    row.layer(layer)
    return LayerKernel(label, row, node.inputs[0], end.branch, scratch=scratch_size(layer.strips))


def _depthwise(
    node: Node, chain: Chain, context: Context, weights: np.ndarray, window: Window, x: Image, y: Image
) -> LayerKernel:
    end = take_end(chain, context, y[2], with_branch=False)
    return depthwise_row(node, context, end, weights, window, None, x, y, "depthwise f32")


def depthwise_row(
    node: Node,
    context: Context,
    end: FloatEnd,
    weights: np.ndarray,
    window: Window,
    phase: Phase | None,
    x: Image,
    y: Image,
    label: str,
) -> LayerKernel:
    """The row of a depthwise convolution with weights (C,1,kh,kw), as above; its kernel adds no branch."""
    size, output_grid = (y[:2], None) if phase is None else (phase.size, phase.output_grid)
    taps = packed(weights, "depthwise", lambda: pack_depthwise(weights))
    layer = make_depthwise(
        taps, taps.sums, np.zeros(y[2], np.float32), window, size, 4, pieces(context.threads), output_grid
    )
    row = Row(Kernel.DEPTHWISE_FF)
    row.shapes(x, (*size, y[2]))
    row.write("epilogue", end.epilogue)
    row.layer(layer)
    return LayerKernel(label, row, node.inputs[0], scratch=scratch_size(layer.strips))


def pieces(threads: int) -> int:
    """Into how many strips a depthwise layer is cut at least: several for each thread that may share it."""
    return 1 if threads == 1 else 2 * threads


def _bias_and_activation(chain: Chain, channels: int) -> tuple[np.ndarray, float, float]:
    bias = (chain.take_per_channel("Add") or [ZERO])[0]
    return np.ascontiguousarray(np.broadcast_to(bias, channels), np.float32), *activation(chain)
