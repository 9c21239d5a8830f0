"""Call one kernel on plain NumPy arrays: no graph, no plan, one thread.

    from numpot.kernels.direct import gemm, pack_gemm
    gemm(a, pack_gemm(b), zero_point, out)         (M,K) u8 @ (K,N) s8 -> out (M,N) s32

A model does not come this way: it enters through the steps of a program (program/), which run the same
kernels. This module is the door for lessons, tests and whoever wants one layer.

    function            reads, weights       makes                  weights are packed by
    gemm                u8, s8               s32, or f32 or u8      pack_gemm
    convolution         u8, s8               s32, or f32 or u8      layout.weight_packing.pack_convolution
    depthwise           u8, s8               s32, or f32 or u8      layers.depthwise.pack_depthwise
    float_matmul        f32, f32             f32                    layout.weight_packing.pack_float_matmul
    float_convolution   f32, f32             f32                    weight_packing.pack_float_convolution
    float_depthwise     f32, f32             f32                    layers.depthwise.pack_depthwise
    max_pool            u8 or f32            the same
    average_pool        f32                  f32

Images are NHWC; x and out are C-contiguous, and `out` is the caller's array, so that threads may share the
work by slices of the batch. Integer results are bit-identical on every machine and are those of reference.py.
A float32 sum runs over k in ascending order, one rounding for each product (fused multiply-add; on the
portable instruction set two), so a result has the same bits in any batch. Every function raises ValueError,
which names the array, what was expected and what was found, for arrays that do not fit each other.
"""

import numpy as np

from .codegen.work_sharing import alone
from .layers.convolution import convolve_units, make_dense
from .layers.depthwise import PackedDepthwise, depthwise_units, make_depthwise, positions_together
from .layers.pooling import MEAN_INSIDE, MEAN_OF_ALL, average_pool_units, max_pool_units
from .layout.strips import scratch
from .layout.weight_packing import AMX_WORD, PackedWeights, pack_convolution, round_up, runs_of
from .layout.window import Window, require, require_kernel, require_products
from .reference import Arithmetic, Array
from .saturation import SaturationCount
from .tiles.epilogue import Epilogue, FloatEpilogue, Residual

# ---- int8 --------------------------------------------------------------------------------------------------


def pack_gemm(b: Array, block: int = 0) -> PackedWeights:
    """Pack (K,N) s8 for `gemm`.

    block: no pair of k crosses the end of a block of so many (`reference.pairs`); 0: k is one block. Raises
    ValueError for another dtype.
    """
    return pack_convolution(b.T[:, :, None, None], block=block)


def gemm(
    a: Array,
    weights: PackedWeights,
    zero_point: int,
    out: Array,
    *,
    arithmetic: Arithmetic = "exact",
    epilogue: Epilogue | None = None,
    residual: Residual | None = None,
    count: SaturationCount | None = None,
) -> None:
    """Write (a - zero_point) @ b, (M,K) u8 @ (K,N) s8, to out (M,N): a convolution of one line, kernel 1x1.

    out: s32 without an epilogue, f32 or u8 with one. The other arguments and the errors are those of
    `convolution`.
    """
    require("a", a, (np.uint8,), (-1, weights.depth))
    require("out", out, (np.int32, np.float32, np.uint8), (len(a), weights.columns))
    if residual is not None:
        residual = residual._replace(x=residual.x[None, None])
    convolution(
        a[None, None],
        weights,
        zero_point,
        out[None, None],
        window=Window((1, 1)),
        arithmetic=arithmetic,
        epilogue=epilogue,
        residual=residual,
        count=count,
    )


def convolution(
    x: Array,
    weights: PackedWeights,
    zero_point: int,
    out: Array,
    *,
    window: Window,
    arithmetic: Arithmetic = "exact",
    epilogue: Epilogue | None = None,
    residual: Residual | None = None,
    count: SaturationCount | None = None,
) -> None:
    """Write the convolution of x (N,H,W,C) u8 to out (N,H',W',O), as reference.py defines it.

    zero_point: the code of real zero, which also fills the border.
    out: s32 sums without an epilogue; f32 values or u8 codes with one.
    window: the kernel's size, strides, dilations, pads; H', W' are `window.output_size(H, W)`.
    arithmetic: "exact", or "saturating" where the sum of a pair of products clips to 16 bits.
    residual: a branch (N,H',W',O) u8 that is added before codes are made; only with an epilogue and u8 out.
    count: also count the pairs that clip, or would clip in exact arithmetic; (O,) s64 each.

    Raises ValueError for arrays that do not fit each other, and for weights that were packed for another
    window, or for AMX, which neither saturates nor counts.
    """
    groups = len(weights.values)
    require("x", x, (np.uint8,), (-1, -1, -1, groups * weights.depth))
    _require_window(weights, window)
    if arithmetic not in ("exact", "saturating"):
        raise ValueError(f"arithmetic: expected 'exact' or 'saturating', found {arithmetic!r}")
    results = (np.int32,) if epilogue is None else (np.float32, np.uint8)
    require("out", out, results, (len(x), *window.output_size(*x.shape[1:3]), groups * weights.columns))
    if residual is not None:
        require("residual.x", residual.x, (np.uint8,), out.shape)
        require("out", out, (np.uint8,), out.shape)
    saturating = arithmetic == "saturating"
    if weights.word == AMX_WORD and (saturating or count is not None):
        raise ValueError(
            "weights: packed for AMX, which neither saturates nor counts; pack_convolution is for that"
        )
    _convolve(
        x,
        weights,
        int(zero_point),
        out,
        window=window,
        saturating=saturating,
        epilogue=epilogue,
        residual=residual,
        count=count,
    )


def depthwise(
    x: Array,
    weights: PackedDepthwise,
    zero_points: int | Array,
    out: Array,
    *,
    window: Window,
    epilogue: Epilogue | None = None,
) -> None:
    """Write the depthwise convolution of x (N,H,W,C) u8 to out (N,H',W',C).

    out: s32 without an epilogue, f32 or u8 with one. zero_points: one code, or one for each channel as (C,).
    One product fits 16 bits, so this never saturates and has one arithmetic. Raises ValueError for arrays
    that do not fit.
    """
    results = (np.int32,) if epilogue is None else (np.float32, np.uint8)
    border = np.empty(len(weights.sums), np.uint8)
    border[:] = zero_points
    initial = -weights.sums * border
    _convolve_depthwise(x, weights, initial, border, out, window=window, results=results, epilogue=epilogue)


# ---- float32 -----------------------------------------------------------------------------------------------


def float_matmul(
    a: Array, weights: PackedWeights, bias: Array, out: Array, *, low: float = -np.inf, high: float = np.inf
) -> None:
    """Write clip(a @ b + bias, low, high), (M,K) f32 @ (K,N) f32 + (N,) f32, to out (M,N) f32.

    Raises ValueError as `float_convolution`.
    """
    window = Window((1, 1))
    float_convolution(a[None, None], weights, bias, out[None, None], window=window, low=low, high=high)


def float_convolution(
    x: Array,
    weights: PackedWeights,
    bias: Array,
    out: Array,
    *,
    window: Window,
    low: float = -np.inf,
    high: float = np.inf,
) -> None:
    """Write clip(x * w + bias, low, high), x (N,H,W,C) f32, bias (O,) f32, to out (N,H',W',O) f32.

    The border is zero. Raises ValueError for arrays that do not fit, or weights packed for another window.
    """
    channels = len(weights.values) * weights.columns
    require("x", x, (np.float32,), (-1, -1, -1, len(weights.values) * weights.depth))
    require("bias", bias, (np.float32,), (channels,))
    require("out", out, (np.float32,), (len(x), *window.output_size(*x.shape[1:3]), channels))
    require_products(weights.products, window, weights.depth, weights.depth)
    epilogue = FloatEpilogue(bias, np.float32(low), np.float32(high))
    _convolve(x, weights, 0, out, window=window, epilogue=epilogue)


def float_depthwise(
    x: Array,
    weights: PackedDepthwise,
    bias: Array,
    out: Array,
    *,
    window: Window,
    low: float = -np.inf,
    high: float = np.inf,
) -> None:
    """Write clip(x * w + bias, low, high), depthwise, x (N,H,W,C) f32, bias (C,) f32, to out (N,H',W',C) f32.

    The border is zero. Raises ValueError for arrays that do not fit.
    """
    require("bias", bias, (np.float32,), (x.shape[3],))
    epilogue = FloatEpilogue(bias, np.float32(low), np.float32(high))
    border = np.zeros(x.shape[3], np.float32)
    _convolve_depthwise(
        x, weights, weights.sums, border, out, window=window, results=(np.float32,), epilogue=epilogue
    )


# ---- pooling -----------------------------------------------------------------------------------------------


def max_pool(x: Array, out: Array, *, window: Window) -> None:
    """Write the largest element of each window of x (N,H,W,C) u8 or f32 to out (N,H',W',C), same dtype.

    Padding takes no part. H', W' are those of `out`: rounded up they let the last window hang over the edge.
    Raises ValueError for arrays that do not fit.
    """
    require("x", x, (np.uint8, np.float32), (-1, -1, -1, -1))
    require("out", out, (x.dtype.type,), (len(x), -1, -1, x.shape[3]))
    max_pool_units(x, window, out, alone())


def average_pool(x: Array, out: Array, *, window: Window, exclude_pad: bool) -> None:
    """Write the mean of each window of x (N,H,W,C) f32, summed in reading order, to out (N,H',W',C) f32.

    exclude_pad: padding counts in neither sum nor divisor; else it counts as zeros. What hangs over the
    padded edge never counts. H', W' are those of `out`. Raises ValueError for arrays that do not fit.
    """
    require("x", x, (np.float32,), (-1, -1, -1, -1))
    require("out", out, (np.float32,), (len(x), -1, -1, x.shape[3]))
    average_pool_units(x, window, MEAN_INSIDE if exclude_pad else MEAN_OF_ALL, out, alone())


# ---- what they share: arrays that fit, given to a kernel as one thread -------------------------------------


def _require_window(weights: PackedWeights, window: Window) -> None:
    """Raise ValueError unless the weights are packed for this window."""
    if weights.block:
        require_kernel((1, 1), window)
        return
    if weights.word != AMX_WORD:
        require_products(weights.products, window, weights.depth, round_up(weights.depth, 4))
        return
    runs, K = runs_of(window.kernel, weights.depth, len(weights.values), window.dilations[1] > 1)
    if (weights.runs, weights.products) != (runs, K):
        raise ValueError(
            f"weights: packed for {weights.products} products in {weights.runs} runs, found a window "
            f"that has {K} in {runs}"
        )


def _convolve(
    x: Array,
    weights: PackedWeights,
    zero_point: int,
    out: Array,
    *,
    window: Window,
    saturating: bool = False,
    epilogue: Epilogue | FloatEpilogue | None = None,
    residual: Residual | None = None,
    count: SaturationCount | None = None,
) -> None:
    """Convolve (N,H,W,C) u8 or f32 into out (N,H',W',O), of checked sizes; zero_point is 0 for f32."""
    if not out.size:
        return
    images, height, width, channels = x.shape
    if window.is_pointwise:  # a matrix product: let every position be a line of its own, and all images one
        images, height, width = 1, images * height * width, 1
        out = out.reshape(1, height, 1, out.shape[3])
    residual = None if residual is None else residual._replace(x=residual.x.reshape(-1))
    layer = make_dense(weights, window, out.shape[1:3], zero_point, saturating, out.itemsize)
    codes = x.reshape(images, height, width * channels).view(np.uint8)
    convolve_units(
        layer,
        codes,
        residual,
        out.reshape(-1),
        out.shape[:3],
        epilogue,
        count,
        scratch(layer.strips),
        alone(),
        1,
    )


def _convolve_depthwise(
    x: Array,
    weights: PackedDepthwise,
    initial: Array,
    pixel: Array,
    out: Array,
    *,
    window: Window,
    results: tuple[type[np.generic], ...],
    epilogue: Epilogue | FloatEpilogue | None,
) -> None:
    """Check and convolve (N,H,W,C) u8 or f32 into out (N,H',W',C) of one of the types `results`.

    initial: (C,) s32, what sums begin with; pixel: (C,), of the border.
    """
    channels = len(weights.sums)
    require("x", x, (pixel.dtype.type,), (-1, -1, -1, channels))
    require("out", out, results, (len(x), *window.output_size(*x.shape[1:3]), channels))
    require_kernel(weights.kernel, window)
    if weights.together not in (1, positions_together(window, out.shape[2])):
        raise ValueError(
            f"weights: packed for {weights.together} positions together, which do not share pixels in "
            "this window"
        )
    if out.size:
        layer = make_depthwise(weights, initial, pixel, window, out.shape[1:3], out.itemsize)
        codes = x.reshape(*x.shape[:2], x.shape[2] * channels).view(np.uint8)
        depthwise_units(
            layer, codes, out.reshape(-1), out.shape[:3], epilogue, scratch(layer.strips), alone()
        )
