"""float32 convolution, depthwise convolution and matrix product on NHWC arrays, with bias and activation
fused.

The strips and tiles of the int8 kernels, with another multiplication. Every sum runs over k in ascending
order in one lane of a register, rounded once for each product (fused multiply-add; on the portable
instruction set twice). So a result has the same bits whatever batch it is computed in, and wherever in a tile
it falls.
"""

import numpy as np

from .layers.convolution import convolve
from .layers.depthwise import PackedDepthwise, convolve_depthwise
from .layout.weight_packing import PackedWeights, pack_taps, split_groups
from .layout.window import Window, require, require_products
from .reference import Array
from .tiles.epilogue import FloatEpilogue


def pack_convolution(w: Array, groups: int = 1) -> PackedWeights:
    """(O,G,kh,kw) f32 -> PackedWeights. Raises ValueError for weights of another type or shape."""
    return pack_taps(split_groups(w, groups, np.float32))


def pack_matmul(b: Array) -> PackedWeights:
    """(K,N) f32 -> PackedWeights."""
    return pack_convolution(b.T[:, :, None, None])


def convolution(
    x: Array,
    weights: PackedWeights,
    bias: Array,
    out: Array,
    *,
    window: Window,
    low: float = -np.inf,
    high: float = np.inf,
) -> None:
    """(N,H,W,C) f32 * weights -> out (N,H',W',O) f32 = clip(x * w + bias, low, high), bias (O,) f32, border
    zero.

    x, bias, out: C-contiguous; threads may share the work by slices of the batch. Raises ValueError for
    arrays that do not fit.
    """
    channels = len(weights.values) * weights.columns
    require("x", x, (np.float32,), (-1, -1, -1, len(weights.values) * weights.depth))
    require("bias", bias, (np.float32,), (channels,))
    require("out", out, (np.float32,), (len(x), *window.output_size(*x.shape[1:3]), channels))
    require_products(weights.products, window, weights.depth, weights.depth)
    epilogue = FloatEpilogue(bias, np.float32(low), np.float32(high))
    convolve(x, weights, 0, out, window=window, epilogue=epilogue)


def matmul(
    a: Array, weights: PackedWeights, bias: Array, out: Array, *, low: float = -np.inf, high: float = np.inf
) -> None:
    """(M,K) f32 @ weights -> out (M,N) f32 = clip(a @ b + bias, low, high), bias (N,) f32; else as
    `convolution`.
    """
    convolution(a[None, None], weights, bias, out[None, None], window=Window((1, 1)), low=low, high=high)


def depthwise(
    x: Array,
    weights: PackedDepthwise,
    bias: Array,
    out: Array,
    *,
    window: Window,
    low: float = -np.inf,
    high: float = np.inf,
) -> None:
    """(N,H,W,C) f32 * weights -> out (N,H',W',C) f32 = clip(x * w + bias, low, high); weights from
    depthwise.pack_depthwise.
    """
    require("bias", bias, (np.float32,), (x.shape[3],))
    epilogue, border = (
        FloatEpilogue(bias, np.float32(low), np.float32(high)),
        np.zeros(x.shape[3], np.float32),
    )
    convolve_depthwise(
        x, weights, weights.sums, border, out, window=window, results=(np.float32,), epilogue=epilogue
    )
