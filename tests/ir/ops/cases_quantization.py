"""Between real numbers and codes, and sums of codes."""

from typing import Any

import numpy as np
import openvino.opset15 as ov

from numpot.ir.ops.convolution_backprop_data_integer import ConvolutionBackpropDataInteger
from numpot.ir.ops.convolution_integer import ConvolutionInteger
from numpot.ir.ops.dequantize import Dequantize
from numpot.ir.ops.fake_quantize import FakeQuantize
from numpot.ir.ops.im2col import Im2Col
from numpot.ir.ops.matmul_integer import MatMulInteger
from numpot.ir.ops.multiply_add import MultiplyAdd
from numpot.ir.ops.quantize import Quantize

from .battery import Case, OnnxNode

rng = np.random.default_rng(15)
F32 = np.float32


def normal(*shape: int) -> np.ndarray:
    return 3 * rng.standard_normal(shape).astype(F32)


def codes(*shape: int) -> np.ndarray:
    return rng.integers(0, 256, shape).astype(np.uint8)


def weights(*shape: int, bits: int = 8) -> np.ndarray:
    """7 bits never overflow a pair of products, so a vendor is exact on any CPU."""
    return rng.integers(-(2 ** (bits - 1)), 2 ** (bits - 1), shape).astype(np.int8)


def ends(low: Any, high: Any, rank: int = 4) -> list[np.ndarray]:
    """Range ends as FakeQuantize takes them: one number, or one for each channel."""
    shape = (1, -1) + (1,) * (rank - 2) if np.ndim(low) else ()
    return [np.asarray(v, F32).reshape(shape) for v in (low, high)]


# ---- FakeQuantize and Quantize -----------------------------------------------------------------------------


def fake_quantize(
    x: np.ndarray, source: list[np.ndarray], result: list[np.ndarray], levels: int = 256, label: str = ""
) -> Case:
    return Case(
        FakeQuantize(levels=levels),
        [x, *(e.astype(x.dtype) for e in source + result)],
        lambda *nodes: ov.fake_quantize(*nodes, levels),
        constant_inputs=(1, 2, 3, 4),
        rtol=0 if x.dtype == F32 else 1e-3,
        atol=1e-6
        # OpenVINO rounds codes * step + low once, we twice; a wrong code is 1000 times more
        * float(np.abs(result).max()),
        label=f"{label}-{levels}-{x.dtype}",
    )


def quantize(x: np.ndarray, low: Any, high: Any, levels: int = 256, label: str = "") -> Case:
    """A FakeQuantize onto 0 .. levels-1 gives the codes themselves."""
    source = ends(low, high, x.ndim)
    multiplier = F32(levels - 1) / (source[1] - source[0])

    def vendor(x: Any, *_: Any) -> Any:
        return ov.convert(
            ov.fake_quantize(x, *map(ov.constant, source + ends(0, levels - 1)), levels), np.uint8
        )

    inputs = [x, np.asarray(multiplier), np.asarray(-source[0] * multiplier)]
    return Case(Quantize(levels=levels), inputs, vendor, constant_inputs=(1, 2), label=f"{label}-{levels}")


PER_CHANNEL = ends([-1, -0.5, 0], [1, 2.5, 6])
HALVES = np.arange(-20, 540, dtype=F32).reshape(1, 2, 8, 35) / 2  # every tie of a unit step

FAKE_QUANTIZE = [
    fake_quantize(normal(2, 3, 8, 8), ends(-3.2, 3.1), ends(-3.2, 3.1), label="same"),
    fake_quantize(normal(2, 3, 8, 8), ends(0, 2.55), ends(0, 2.55), label="unsigned"),
    fake_quantize(normal(2, 3, 8, 8), ends(-1, 4), ends(-7, 2), label="moved"),
    fake_quantize(normal(2, 3, 8, 8), ends(-1, 4), ends(0, 255), label="codes"),
    fake_quantize(normal(2, 3, 8, 8), ends(-1, 4), ends(5, -5), label="reversed"),
    fake_quantize(normal(2, 3, 8, 8), ends(-1, 4), ends(-1, 4), levels=255, label="narrow"),
    fake_quantize(normal(2, 3, 8, 8), ends(-1, 4), ends(-1, 4), levels=16, label="coarse"),
    fake_quantize(normal(2, 3, 8, 8), PER_CHANNEL, PER_CHANNEL, label="channels"),
    fake_quantize(normal(2, 3, 8, 8), PER_CHANNEL, ends(0, 255), label="channels-to-codes"),
    fake_quantize(normal(5, 7), ends(-2, 2, 2), ends(-2, 2, 2), label="matrix"),
    fake_quantize(
        normal(4, 3, 5), ends([-1, -2, 0], [1, 1, 3], 3), ends([-1, -2, 0], [1, 1, 3], 3), label="1d"
    ),
    Case(  # OpenVINO answers NaN for the channels whose range is one point
        FakeQuantize(levels=256),
        [normal(2, 3, 4, 4), *ends([-1, 0, 2], [1, 0, 2]), *ends([-1, 0, 2], [1, 0, 2])],
        None,
        label="dead-channels",
    ),
    fake_quantize(HALVES, ends(0, 255), ends(0, 255), label="ties"),
    fake_quantize(HALVES - 128, ends(-128, 127), ends(-128, 127), label="signed-ties"),
    fake_quantize(HALVES - 127, ends(-127, 127), ends(-127, 127), levels=255, label="narrow-ties"),
    fake_quantize(normal(1, 2, 6, 6).astype(np.float16), ends(-2, 2), ends(-2, 2), levels=16, label="half"),
]

QUANTIZE = [
    quantize(normal(2, 3, 8, 8), -3.2, 3.1, label="signed"),
    quantize(normal(2, 3, 8, 8), 0, 5.5, label="unsigned"),
    quantize(normal(2, 3, 8, 8), [-1, -2, 0], [1, 4, 6], label="channels"),
    quantize(normal(2, 3, 8, 8), -3, 3, levels=16, label="coarse"),
    quantize(HALVES, 0, 255, label="ties"),
    quantize(HALVES - 128, -128, 127, label="signed-ties"),
    Case(
        Quantize(),
        [HALVES, np.array(1, F32), np.array(0, F32)],
        OnnxNode("QuantizeLinear", order=[0, 1]),
        label="onnx-ties",
    ),
]

DEQUANTIZE = [
    Case(
        Dequantize(),
        [codes(2, 3, 4, 4), np.array(0.0173, F32), np.array(128, np.uint8)],
        OnnxNode("DequantizeLinear"),
    ),
    Case(
        Dequantize(),
        [weights(2, 3, 4, 4), np.array(0.3, F32), np.array(-7, np.int8)],
        OnnxNode("DequantizeLinear"),
    ),
    Case(
        Dequantize(),
        [codes(2, 3, 4, 4), np.array(0.3, F32)],
        OnnxNode("DequantizeLinear"),
        label="no-zero-point",
    ),
    Case(
        Dequantize(),
        [rng.integers(-(2**30), 2**30, (3, 9)).astype(np.int32), np.array(1e-6, F32)],
        OnnxNode("DequantizeLinear"),
    ),
    Case(
        Dequantize(),
        [codes(2, 3, 4, 4), rng.uniform(0.01, 1, (1, 3, 1, 1)).astype(F32), codes(1, 3, 1, 1)],
        lambda x, scale, zero: ov.multiply(ov.subtract(ov.convert(x, F32), ov.convert(zero, F32)), scale),
        label="channels",
    ),
]

MULTIPLY_ADD = [  # OpenVINO rounds twice; exactness is tested in test_multiply_add.py
    Case(
        MultiplyAdd(),
        [normal(2, 3, 4, 4), *(np.asarray(v, F32) for v in parameters)],
        lambda x, a, b: ov.add(ov.multiply(x, a), b),
        rtol=1e-6,
        atol=1e-5,
        label=label,
    )
    for label, *parameters in (
        ("tensor", 19.24, -128),
        ("channels", rng.uniform(1, 9, (1, 3, 1, 1)), rng.uniform(-9, 9, (3, 1, 1))),
    )
]

# ---- sums of codes -----------------------------------------------------------------------------------------


def convolution_integer(
    x: np.ndarray,
    w: np.ndarray,
    zero: np.ndarray,
    strides: Any,
    begin: Any,
    end: Any,
    dilations: Any,
    groups: int = 1,
    onnx: bool = False,
) -> Case:
    """OpenVINO convolves the same integers as floats: exact, since every sum stays below 2**24."""

    def vendor(x: Any, w_node: Any, zero: Any) -> Any:
        shifted = ov.subtract(ov.convert(x, F32), ov.convert(zero, F32))
        grouped = ov.reshape(
            ov.convert(w_node, F32), np.array([groups, len(w) // groups, *w.shape[1:]]), False
        )
        return ov.convert(ov.group_convolution(shifted, grouped, strides, begin, end, dilations), np.int32)

    node = OnnxNode(
        "ConvInteger", {"strides": strides, "pads": [*begin, *end], "dilations": dilations, "group": groups}
    )
    return Case(
        ConvolutionInteger(
            strides=strides, pads_begin=begin, pads_end=end, dilations=dilations, groups=groups
        ),
        [x, w, zero],
        node if onnx else vendor,
        label=(
            f"x{x.shape}w{w.shape}s{strides}p{begin}{end}d{dilations}g{groups}z{zero.size}"
            f"{'-onnx' if onnx else ''}"
        ).replace(" ", ""),
    )


def matmul_integer(
    x: np.ndarray, w: np.ndarray, zero: int, transpose_b: bool = False, onnx: bool = False
) -> Case:
    def vendor(x: Any, w: Any, zero: Any) -> Any:
        shifted = ov.subtract(ov.convert(x, F32), ov.convert(zero, F32))
        return ov.convert(ov.matmul(shifted, ov.convert(w, F32), False, transpose_b), np.int32)

    return Case(
        MatMulInteger(transpose_b=transpose_b),
        [x, w, np.array(zero, np.uint8)],
        OnnxNode("MatMulInteger") if onnx else vendor,
        label=f"{x.shape}@{w.shape}z{zero}{'-tb' if transpose_b else ''}{'-onnx' if onnx else ''}".replace(
            " ", ""
        ),
    )


Z128 = np.array(128, np.uint8)
UNIT: Any = ((1, 1), (0, 0), (0, 0), (1, 1))
PADDED: Any = ((1, 1), (1, 1), (1, 1), (1, 1))

CONVOLUTION_INTEGER = [
    convolution_integer(codes(2, 16, 5, 5), weights(8, 16, 1, 1), np.array(0, np.uint8), *UNIT),
    convolution_integer(codes(1, 3, 8, 9), weights(4, 3, 3, 3), Z128, *PADDED),
    convolution_integer(
        codes(1, 5, 11, 8), weights(4, 5, 3, 2), np.array(50, np.uint8), (2, 3), (0, 1), (2, 0), (1, 1)
    ),
    convolution_integer(codes(1, 3, 12, 13), weights(2, 3, 3, 2), Z128, (1, 2), (2, 0), (1, 3), (2, 3)),
    convolution_integer(codes(2, 12, 6, 6), weights(8, 3, 3, 3), Z128, *PADDED, groups=4),
    convolution_integer(codes(1, 8, 9, 9), weights(8, 1, 3, 3), codes(1, 8, 1, 1), *PADDED, groups=8),
    convolution_integer(codes(1, 4, 5, 5), weights(6, 4, 3, 3), codes(1, 4, 1, 1), *PADDED),
    convolution_integer(codes(1, 3, 8, 9), weights(4, 3, 3, 3, bits=7), Z128, *PADDED, onnx=True),
    convolution_integer(
        codes(2, 6, 7, 7),
        weights(6, 2, 3, 3, bits=7),
        Z128,
        (2, 1),
        (1, 0),
        (0, 1),
        (1, 2),
        groups=3,
        onnx=True,
    ),
]

MATMUL_INTEGER = [
    matmul_integer(codes(4, 16), weights(16, 5), 0),
    matmul_integer(codes(4, 17), weights(5, 17), 128, transpose_b=True),
    matmul_integer(codes(2, 3, 4, 9), weights(9, 6), 77),
    matmul_integer(codes(9), weights(6, 9), 77, transpose_b=True),
    matmul_integer(codes(4, 16), weights(16, 5, bits=7), 128, onnx=True),
    matmul_integer(codes(2, 3, 17), weights(17, 5, bits=7), 3, onnx=True),
]


def transposed_integer(
    x: np.ndarray, w: np.ndarray, zero: int, strides: Any, begin: Any, end: Any, groups: int = 1
) -> Case:
    def vendor(x: Any, *_: Any) -> Any:
        shifted = ov.subtract(ov.convert(x, F32), ov.constant(F32(zero)))
        keywords: dict[str, Any] = {"pads_begin": begin, "pads_end": end, "dilations": (1, 1)}
        if groups == 1:
            painted = ov.convolution_backprop_data(shifted, ov.constant(w.astype(F32)), strides, **keywords)
        else:
            grouped = w.reshape(groups, len(w) // groups, *w.shape[1:]).astype(F32)
            painted = ov.group_convolution_backprop_data(shifted, ov.constant(grouped), strides, **keywords)
        return ov.convert(painted, np.int32)

    return Case(
        ConvolutionBackpropDataInteger(
            strides=strides,
            pads_begin=begin,
            pads_end=end,
            dilations=(1, 1),
            output_padding=(0, 0),
            groups=groups,
        ),
        [x, w, np.array(zero, np.uint8)],
        vendor,
        constant_inputs=(1, 2),
        label=f"x{x.shape}w{w.shape}s{strides}p{begin}{end}g{groups}z{zero}".replace(" ", ""),
    )


TRANSPOSED_INTEGER = [
    transposed_integer(codes(2, 3, 4, 5), weights(3, 4, 3, 3), 0, (1, 1), (0, 0), (0, 0)),
    transposed_integer(codes(1, 5, 4, 5), weights(5, 2, 4, 4), 128, (2, 2), (1, 1), (1, 1)),
    transposed_integer(codes(1, 6, 4, 4), weights(6, 2, 3, 3), 7, (2, 3), (1, 0), (0, 1), groups=3),
]


def im2col(
    x: np.ndarray,
    kernel: Any,
    strides: Any,
    begin: Any,
    end: Any,
    dilations: Any,
    border: int = 0,
    groups: int = 1,
) -> Case:
    """OpenVINO knows no border and no groups: it is given the padded image, and its columns (tap, channel)
    are brought into groups.
    """
    op = Im2Col(
        kernel=kernel, strides=strides, pads_begin=begin, pads_end=end, dilations=dilations, groups=groups
    )
    n, channels, *size = op.infer_shape(x.shape, ())
    parts = [n, kernel[0] * kernel[1], groups, x.shape[1] // groups, *size]

    def vendor(x: Any, *_: Any) -> Any:
        padded = ov.pad(
            ov.convert(x, F32), [0, 0, *begin], [0, 0, *end], "constant", ov.constant(F32(border))
        )
        columns = ov.extract_image_patches(padded, list(kernel), list(strides), list(dilations), "valid")
        by_group = ov.transpose(ov.reshape(columns, parts, False), [0, 2, 1, 3, 4, 5])
        return ov.convert(ov.reshape(by_group, [n, channels, *size], False), np.uint8)

    label = f"x{x.shape}k{kernel}s{strides}p{begin}{end}d{dilations}b{border}g{groups}".replace(" ", "")
    return Case(op, [x, np.array(border, np.uint8)], vendor, constant_inputs=(1,), label=label)


IM2COL = [
    im2col(codes(2, 3, 6, 5), (3, 2), (1, 1), (0, 0), (0, 0), (1, 1)),
    im2col(codes(1, 9, 7, 8), (3, 3), (2, 1), (1, 2), (0, 1), (1, 2), border=77, groups=3),
    im2col(codes(2, 4, 5, 5), (2, 2), (1, 1), (1, 1), (1, 1), (1, 1), border=255, groups=4),
]

CASES = (
    FAKE_QUANTIZE
    + QUANTIZE
    + DEQUANTIZE
    + MULTIPLY_ADD
    + CONVOLUTION_INTEGER
    + MATMUL_INTEGER
    + TRANSPOSED_INTEGER
    + IM2COL
)
