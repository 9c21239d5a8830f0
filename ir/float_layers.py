"""Float layers as rows of a program: the layer, its bias, its activation, and the residual branch that is added to it."""

from typing import Any

import numpy as np

from numpot.kernels import float32
from numpot.kernels.dense import make_dense
from numpot.kernels.depthwise import make_depthwise, pack_depthwise
from numpot.kernels.epilogue import FloatEpilogue
from numpot.kernels.program import Kernel
from numpot.kernels.steps import Row, write_dense, write_depthwise
from numpot.kernels.strips import scratch_size
from numpot.kernels.window import Window

from .chain import Chain
from .graph import Node
from .layer_steps import Context, Image, LayerKernel, activation, image, window_of
from .packed import packed

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
    layer = packed(weights, ("f32", groups), lambda: float32.pack_convolution(weights, groups))
    return _dense(node, chain, context, layer, window, x, y, "convolution f32")


def matmul(node: Node, chain: Chain, context: Context) -> LayerKernel | None:
    """MatMul with constant weights, and the same behind it."""
    weights, op = chain.constant(node.inputs[1]), node.op
    x, y = image(node.inputs[0], context.slots), image(node.output, context.slots)
    if weights is None or weights.ndim != 2 or weights.dtype != np.float32 or op.transpose_a or x is None or y is None:  # type: ignore[attr-defined]
        return None
    if len(node.inputs[0].shape) == 4:  # a matrix product runs over the last axis, which is not the last in memory
        return None
    matrix = weights.T if op.transpose_b else weights  # type: ignore[attr-defined]
    layer = packed(weights, ("f32 matrix", op.transpose_b), lambda: float32.pack_matmul(matrix))  # type: ignore[attr-defined]
    return _dense(node, chain, context, layer, Window((1, 1)), x, y, "matmul f32")


def _dense(node: Node, chain: Chain, context: Context, weights: Any, window: Window, x: Image, y: Image, label: str) -> LayerKernel:
    bias, low, high = _bias_and_activation(chain, y[2])
    branch = chain.take_sum(context.slots)
    row = Row(Kernel.CONVOLUTION_FFR if branch else Kernel.CONVOLUTION_FF, flag=int(window.is_pointwise))
    row.shapes(x, y)
    row.write("epilogue", FloatEpilogue(bias, np.float32(low), np.float32(high)))
    if branch:
        least, most = activation(chain)
        row.write("residual", {"least": least, "most": most})
    layer = make_dense(weights, window, y[:2], 0, False, 4)
    write_dense(row, layer)
    return LayerKernel(label, row, node.inputs[0], branch, scratch=scratch_size(layer.strips))


def _depthwise(node: Node, chain: Chain, context: Context, weights: np.ndarray, window: Window, x: Image, y: Image) -> LayerKernel:
    taps = packed(weights, "depthwise", lambda: pack_depthwise(weights))
    bias, low, high = _bias_and_activation(chain, y[2])
    border = np.zeros(y[2], np.float32)
    layer = make_depthwise(taps, taps.sums, border, window, y[:2], 4, strips=pieces(context.threads))
    row = Row(Kernel.DEPTHWISE_FF)
    row.shapes(x, y)
    row.write("epilogue", FloatEpilogue(bias, np.float32(low), np.float32(high)))
    write_depthwise(row, layer)
    return LayerKernel("depthwise f32", row, node.inputs[0], scratch=scratch_size(layer.strips))


def pieces(threads: int) -> int:
    """Into how many strips a depthwise layer is cut at least: several for each thread that may share it."""
    return 1 if threads == 1 else 2 * threads


def _bias_and_activation(chain: Chain, channels: int) -> tuple[np.ndarray, float, float]:
    bias = (chain.take_per_channel("Add") or [ZERO])[0]
    return np.ascontiguousarray(np.broadcast_to(bias, channels), np.float32), *activation(chain)
