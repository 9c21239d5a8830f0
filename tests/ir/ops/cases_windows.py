"""Convolutions and pools: strides, dilations, lopsided pads, groups, one to three spatial dimensions."""

from typing import Any

import numpy as np
import openvino.opset15 as ov

from numpot.ir.ops.avg_pool import AvgPool
from numpot.ir.ops.convolution import Convolution
from numpot.ir.ops.convolution_backprop_data import ConvolutionBackpropData
from numpot.ir.ops.max_pool import MaxPool
from numpot.ir.ops.sum_pool import SumPool

from .battery import Case, OnnxNode

rng = np.random.default_rng(11)


def normal(*shape: int, dtype: Any = np.float32) -> np.ndarray:
    return rng.standard_normal(shape).astype(dtype)


def convolution(
    x: np.ndarray,
    w: np.ndarray,
    strides: Any,
    begin: Any,
    end: Any,
    dilations: Any,
    groups: int = 1,
    **tolerance: float,
) -> Case:
    """OpenVINO keeps groups in a leading dimension of the weights, and has another operator for them."""

    def vendor(x: Any, weights: Any) -> Any:
        if groups == 1:
            return ov.convolution(x, weights, strides, begin, end, dilations)
        grouped = ov.constant(w.reshape(groups, len(w) // groups, *w.shape[1:]))
        return ov.group_convolution(x, grouped, strides, begin, end, dilations)

    op = Convolution(strides=strides, pads_begin=begin, pads_end=end, dilations=dilations, groups=groups)
    constants = (1,) if groups > 1 else ()
    label = f"x{x.shape}w{w.shape}s{strides}p{begin}{end}d{dilations}g{groups}{x.dtype}".replace(" ", "")
    return Case(op, [x, w], vendor, constants, **{"rtol": 1e-5, "atol": 1e-5} | tolerance, label=label)


def transposed(
    x: np.ndarray,
    w: np.ndarray,
    strides: Any,
    begin: Any,
    end: Any,
    dilations: Any,
    padding: Any,
    groups: int = 1,
    onnx: bool = False,
) -> Case:
    def vendor(x: Any, weights: Any) -> Any:
        keywords = {"pads_begin": begin, "pads_end": end, "dilations": dilations, "output_padding": padding}
        if groups == 1:
            return ov.convolution_backprop_data(x, weights, strides, **keywords)
        grouped = ov.constant(w.reshape(groups, len(w) // groups, *w.shape[1:]))
        return ov.group_convolution_backprop_data(x, grouped, strides, **keywords)

    node = OnnxNode(
        "ConvTranspose",
        {
            "strides": strides,
            "pads": [*begin, *end],
            "dilations": dilations,
            "output_padding": padding,
            "group": groups,
        },
    )
    op = ConvolutionBackpropData(
        strides=strides,
        pads_begin=begin,
        pads_end=end,
        dilations=dilations,
        output_padding=padding,
        groups=groups,
    )
    constants = (1,) if groups > 1 else ()
    label = (
        f"x{x.shape}w{w.shape}s{strides}p{begin}{end}d{dilations}o{padding}g{groups}{'-onnx' if onnx else ''}"
    ).replace(" ", "")
    return Case(op, [x, w], node if onnx else vendor, constants, atol=1e-5, label=label)


def max_pool(
    x: np.ndarray, kernel: Any, strides: Any, begin: Any, end: Any, dilations: Any, rounding: Any = "floor"
) -> Case:
    def vendor(node: Any) -> Any:
        values = ov.max_pool(node, strides, dilations, begin, end, kernel, rounding).output(0)
        return ov.convert(values, x.dtype.type)  # a node of one output: the indices are not compared

    return Case(
        MaxPool(
            kernel=kernel,
            strides=strides,
            pads_begin=begin,
            pads_end=end,
            dilations=dilations,
            rounding_type=rounding,
        ),
        [x],
        vendor,
        label=f"{x.shape}{x.dtype}k{kernel}s{strides}p{begin}{end}d{dilations}{rounding}".replace(" ", ""),
    )


def avg_pool(
    x: np.ndarray, kernel: Any, strides: Any, begin: Any, end: Any, exclude_pad: bool, rounding: Any = "floor"
) -> Case:
    def vendor(node: Any) -> Any:
        return ov.avg_pool(node, strides, begin, end, kernel, exclude_pad, rounding)

    onnx = OnnxNode(
        "AveragePool",
        {
            "kernel_shape": kernel,
            "strides": strides,
            "pads": [*begin, *end],
            "ceil_mode": 1,
            "count_include_pad": 1,
        },
    )
    # Where rounding up reaches past a padding that counts, OpenVINO divides by the whole kernel; ONNX and
    # PyTorch as we do.
    differs = rounding != "floor" and not exclude_pad and any(begin + end)
    return Case(
        AvgPool(
            kernel=kernel,
            strides=strides,
            pads_begin=begin,
            pads_end=end,
            exclude_pad=exclude_pad,
            rounding_type=rounding,
        ),
        [x],
        onnx if differs else vendor,
        label=(
            f"{x.shape}k{kernel}s{strides}p{begin}{end}{'excl' if exclude_pad else 'incl'}-{rounding}"
        ).replace(" ", ""),
    )


def sum_pool(x: np.ndarray, kernel: Any, strides: Any, begin: Any, end: Any) -> Case:
    """A convolution of every channel with ones."""

    def vendor(node: Any) -> Any:
        ones = np.ones((x.shape[1], 1, 1, *kernel), x.dtype)
        return ov.group_convolution(node, ov.constant(ones), strides, begin, end, (1,) * len(kernel))

    return Case(
        SumPool(kernel=kernel, strides=strides, pads_begin=begin, pads_end=end),
        [x],
        vendor,
        label=f"{x.shape}k{kernel}s{strides}p{begin}{end}".replace(" ", ""),
    )


SUM_POOLS = [
    sum_pool(normal(2, 3, 6, 6), (2, 2), (2, 2), (0, 0), (0, 0)),
    sum_pool(normal(1, 4, 9, 7), (3, 2), (2, 1), (1, 0), (2, 1)),
]

CONVOLUTIONS = [
    convolution(normal(2, 3, 8, 9), normal(4, 3, 3, 3), (1, 1), (1, 1), (1, 1), (1, 1)),
    convolution(normal(1, 16, 7, 7), normal(24, 16, 1, 1), (1, 1), (0, 0), (0, 0), (1, 1)),
    convolution(normal(1, 5, 8, 8), normal(6, 5, 1, 1), (2, 2), (0, 0), (0, 0), (1, 1)),
    convolution(normal(1, 5, 4, 4), normal(6, 5, 1, 1), (1, 1), (1, 1), (1, 1), (1, 1)),  # a border of zeros
    convolution(normal(2, 3, 11, 8), normal(4, 3, 3, 2), (2, 3), (0, 1), (2, 0), (1, 1)),
    convolution(normal(1, 3, 12, 13), normal(2, 3, 3, 2), (1, 2), (2, 0), (1, 3), (2, 3)),
    # stride beyond the kernel
    convolution(normal(1, 3, 9, 9), normal(2, 3, 2, 2), (4, 4), (0, 0), (0, 0), (1, 1)),
    convolution(normal(2, 8, 9, 9), normal(8, 1, 3, 3), (1, 1), (1, 1), (1, 1), (1, 1), groups=8),
    convolution(normal(1, 8, 9, 9), normal(8, 1, 5, 5), (2, 2), (1, 2), (2, 1), (1, 1), groups=8),
    # two outputs a channel
    convolution(normal(1, 4, 9, 9), normal(8, 1, 3, 3), (1, 1), (0, 0), (0, 0), (2, 2), groups=4),
    convolution(normal(2, 12, 6, 7), normal(9, 4, 3, 3), (1, 1), (1, 0), (0, 1), (1, 1), groups=3),
    convolution(normal(2, 3, 17), normal(4, 3, 5), (2,), (1,), (2,), (2,)),
    convolution(normal(1, 6, 10), normal(6, 2, 3), (1,), (0,), (1,), (1,), groups=3),
    convolution(normal(1, 2, 5, 6, 7), normal(3, 2, 3, 2, 3), (1, 2, 1), (1, 0, 1), (0, 1, 1), (1, 1, 2)),
    convolution(
        normal(1, 4, 5, 5, 5), normal(4, 1, 3, 3, 3), (2, 1, 1), (1, 1, 1), (1, 1, 1), (1, 1, 1), groups=4
    ),
    convolution(
        normal(1, 6, 6, 6, dtype=np.float16),
        normal(4, 6, 3, 3, dtype=np.float16),
        (1, 1),
        (1, 1),
        (1, 1),
        (1, 1),
        rtol=2e-3,
        atol=2e-3,
    ),
]

TRANSPOSED = [
    transposed(normal(2, 3, 4, 5), normal(3, 4, 3, 3), (1, 1), (0, 0), (0, 0), (1, 1), (0, 0)),
    transposed(normal(1, 3, 4, 5), normal(3, 2, 4, 4), (2, 2), (1, 1), (1, 1), (1, 1), (0, 0)),
    transposed(normal(1, 3, 4, 4), normal(3, 2, 3, 3), (2, 3), (1, 0), (0, 1), (1, 1), (1, 2)),
    # gaps between the painted kernels
    transposed(normal(1, 3, 4, 4), normal(3, 2, 2, 2), (3, 3), (0, 0), (0, 0), (1, 1), (2, 0)),
    transposed(normal(1, 2, 5, 4), normal(2, 3, 3, 2), (1, 2), (1, 0), (2, 1), (2, 3), (0, 1)),
    transposed(normal(1, 4, 5, 5), normal(4, 1, 4, 4), (2, 2), (1, 1), (1, 1), (1, 1), (0, 0), groups=4),
    transposed(normal(2, 6, 4, 4), normal(6, 2, 3, 3), (2, 2), (1, 1), (1, 1), (1, 1), (1, 1), groups=3),
    transposed(
        normal(2, 6, 4, 4), normal(6, 2, 3, 3), (2, 2), (1, 0), (0, 1), (1, 2), (1, 1), groups=3, onnx=True
    ),
    transposed(normal(1, 3, 6), normal(3, 2, 3), (2,), (1,), (0,), (1,), (1,), onnx=True),
    transposed(
        normal(1, 2, 3, 3, 4), normal(2, 3, 2, 3, 2), (2, 1, 2), (0, 1, 0), (1, 0, 0), (1, 1, 1), (1, 0, 0)
    ),
]

CORNERS = [  # kernel, stride, pad_begin, pad_end of one dimension of 6: where rounding up reaches out
    (3, 2, 0, 0),
    (3, 2, 1, 1),
    (2, 2, 1, 0),
    (2, 3, 1, 1),
    (3, 4, 1, 1),
    (3, 5, 0, 2),
    (4, 3, 3, 0),
]


def legacy_ceil_is_defined(kernel: int, stride: int, begin: int, end: int) -> bool:
    """Whether the last window of OpenVINO's first `ceil` mode sees any input; where it does not, its value is
    undefined.
    """
    return -(-(6 + begin + end - kernel) // stride) * stride < 6 + begin


POOLS = [
    pool
    for rounding in ("floor", "ceil", "ceil_torch")
    for k, s, b, e in CORNERS
    if rounding != "ceil" or legacy_ceil_is_defined(k, s, b, e)
    for pool in (
        max_pool(normal(1, 2, 6, 6), (k, 2), (s, 1), (b, 0), (e, 1), (1, 1), rounding),
        avg_pool(normal(1, 2, 6, 6), (k, 2), (s, 1), (b, 0), (e, 1), True, rounding),
        avg_pool(normal(1, 2, 6, 6), (k, 2), (s, 1), (b, 0), (e, 1), False, rounding),
    )
] + [
    # negative: a zero from the padding would win
    max_pool(-1 - abs(normal(2, 3, 7, 8)), (3, 2), (2, 1), (1, 1), (1, 0), (1, 1)),
    max_pool(normal(1, 3, 11, 12), (3, 2), (2, 1), (2, 1), (1, 2), (2, 3)),
    max_pool(rng.integers(0, 256, (1, 4, 8, 8)).astype(np.uint8), (3, 3), (2, 2), (1, 1), (1, 1), (1, 1)),
    max_pool(rng.integers(-128, -100, (1, 4, 8, 8)).astype(np.int8), (3, 3), (2, 2), (1, 1), (1, 1), (1, 1)),
    max_pool(
        rng.integers(-99, 9, (1, 2, 7, 7)).astype(np.int32),
        (2, 3),
        (2, 2),
        (1, 1),
        (0, 1),
        (1, 1),
        "ceil_torch",
    ),
    max_pool(normal(1, 2, 9), (3,), (2,), (1,), (0,), (2,)),
    max_pool(normal(1, 2, 5, 6, 7), (2, 3, 2), (1, 2, 2), (1, 1, 0), (0, 1, 1), (1, 1, 1), "ceil_torch"),
    avg_pool(normal(2, 3, 7, 7), (7, 7), (1, 1), (0, 0), (0, 0), True),
    avg_pool(normal(1, 2, 9), (3,), (2,), (1,), (0,), True, "ceil_torch"),
    avg_pool(normal(1, 2, 5, 6, 7), (2, 3, 2), (1, 2, 2), (1, 1, 0), (0, 1, 1), False, "ceil_torch"),
]

CASES = CONVOLUTIONS + TRANSPOSED + POOLS + SUM_POOLS
