"""Convolution and MatMul of codes with int8 weights: their integer twins, and the float operators that make
reals of the sums.
"""

import functools
import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from numpot.kernels.saturation import PAIR_RULES

from ..dtypes import F32, I8
from ..graph import Graph, Node, Tensor
from ..ops.convert import Convert
from ..ops.convolution import Convolution
from ..ops.convolution_backprop_data import ConvolutionBackpropData
from ..ops.convolution_backprop_data_integer import ConvolutionBackpropDataInteger
from ..ops.convolution_integer import ConvolutionInteger
from ..ops.matmul import MatMul
from ..ops.matmul_integer import MatMulInteger
from ..ops.multiply import Multiply
from ..ops.subtract import Subtract
from .arithmetics import IntegerArithmetic
from .code_ranges import LAST_CODE, Range, source_of_codes
from .pairs import pair_products

INTEGER_LAYERS = ("ConvolutionInteger", "ConvolutionBackpropDataInteger", "MatMulInteger")
LAYERS = ("Convolution", "ConvolutionBackpropData", "MatMul")
IntegerTwin = ConvolutionInteger | ConvolutionBackpropDataInteger | MatMulInteger


@dataclass(frozen=True)
class IntegerWeights:
    """s8 codes and the float32 scale of each output channel, (O,) or (1,): w = codes * scale."""

    codes: np.ndarray
    scale: np.ndarray


def lower_layer(graph: Graph, node: Node, arithmetic: IntegerArithmetic, ranges: dict[Node, Range]) -> None:
    """A layer of codes with int8 weights -> its integer twin and one multiplication by s_x * s_w.

    A transposed convolution computes on integers only if real zero is the first code, or the codes are
    signed, and if a runtime has a kernel for it. ranges: of every Quantize that was a FakeQuantize.
    """
    real = node.inputs[0].producer
    transposed = isinstance(node.op, ConvolutionBackpropData)
    weights = integer_weights(node.inputs[1], axis=1 if transposed else 0)
    if real.type != "Dequantize" or weights is None:
        return
    codes, scale, zero_point = real.inputs
    if scale.constant is None or zero_point.constant is None:
        return
    bounds = ranges.get(source_of_codes(codes))
    if transposed and (
        bounds is None
        or bounds.zero_point.any()
        or not _has_integer_kernel(node, weights.codes.shape, arithmetic)
    ):
        return
    if transposed and bounds is not None and bounds.signed and arithmetic == "saturating-avx512":
        weights = _halved(weights)
    twin = _integer_twin(node, weights, scale.constant.size)
    if twin is None:
        return
    channels = (-1, *(1,) * (len(node.output.shape) - 2)) if not isinstance(node.op, MatMul) else (-1,)
    factor = (scale.constant.reshape(-1) * weights.scale.reshape(-1)).astype(np.float32).reshape(channels)
    w = graph.constant(weights.codes, graph.unique_name(f"{node.name}/weights"))
    offset = _float_offset(twin, weights.codes, bounds)
    if offset is not None:
        zero_point = graph.constant(np.zeros((), np.uint8), graph.unique_name(f"{node.name}/zero_point"))
    acc = graph.add(twin, [codes, w, zero_point], graph.unique_name(f"{node.name}/integer"))
    set_arithmetic(graph, acc, arithmetic)
    result = graph.add(
        Convert(destination_type=F32), [acc.output], graph.unique_name(f"{node.name}/float")
    ).output
    if offset is not None:
        shift = graph.constant(offset, graph.unique_name(f"{node.name}/offset"))
        result = graph.add(Subtract(), [result, shift], graph.unique_name(f"{node.name}/shifted")).output
    by = graph.constant(factor, graph.unique_name(f"{node.name}/scale"))
    graph.redirect(
        node.output, graph.add(Multiply(), [result, by], graph.unique_name(f"{node.name}/scaled")).output
    )


def set_arithmetic(graph: Graph, layer: Node, arithmetic: IntegerArithmetic) -> None:
    """Make an integer layer compute in an arithmetic, and pair its products as the runtime does whose
    arithmetic it is.
    """
    saturates = arithmetic != "exact"
    graph.replace_op(layer, replace(layer.op, arithmetic="saturating" if saturates else "exact"))  # type: ignore[type-var]
    if saturates:
        pair_products(graph, layer, PAIR_RULES[arithmetic])


def _halved(weights: IntegerWeights) -> IntegerWeights:
    """What OpenVINO makes of a transposed convolution of signed codes on AVX-512 without VNNI: weights of 7
    bits, which never clip.
    """
    return IntegerWeights(np.rint(weights.codes * np.float32(0.5)).astype(I8), weights.scale * np.float32(2))


def _has_integer_kernel(node: Node, weights: tuple[int, ...], arithmetic: IntegerArithmetic) -> bool:
    """Whether a runtime runs a transposed convolution with weights (C,O,*kernel) on integers: onnxruntime
    never does.

    OpenVINO does not with a stride beyond the kernel, or beyond 3 along the last axis. On AVX2, hence in
    saturating arithmetic, it does not run a large one on integers either: float kernels are faster there.
    """
    if arithmetic == "saturating-onnxruntime":
        return False
    strides, kernel = node.op.strides, weights[2:]  # type: ignore[attr-defined]
    if strides[-1] > 3 or any(k < s for k, s in zip(kernel, strides, strict=True)):
        return False
    return arithmetic != "saturating" or weights[0] ** 2 * math.prod(node.output.shape[2:]) <= 2**26


def _float_offset(twin: IntegerTwin, weights: np.ndarray, bounds: Range | None) -> np.ndarray | None:
    """(columns,) float32 to subtract from a matrix product instead of a zero point; None where a zero point
    gives the same.

    A convolution rounds the shift of its input to a code. A matrix product keeps its fraction, and be it a
    rounding error of the range: the offset is shift * w, summed in float32 from the first row to the last.
    Whole shifts, and sums below 2**24, are exact as integers.
    """
    if not isinstance(twin, MatMulInteger) or bounds is None or bounds.zero_point.size != 1:
        return None
    rows = weights.T if twin.transpose_b else weights  # (K,N)
    largest_sum = int(LAST_CODE) * int(np.abs(rows.astype(np.int16)).sum(axis=0, dtype=np.int64).max())
    shift = bounds.zero_point.reshape(())
    if shift == 0 or (shift == np.rint(shift) and largest_sum < 2**24):
        return None
    # one row at a time: the matrix as float32 would be large
    return functools.reduce(np.add, (row * shift for row in rows))


def _integer_twin(node: Node, weights: IntegerWeights, input_scales: int) -> IntegerTwin | None:
    op = node.op
    if isinstance(op, ConvolutionBackpropData):
        if weights.codes.ndim != 4 or input_scales != 1 or op.groups != 1:
            return None
        return ConvolutionBackpropDataInteger(**_window(op), output_padding=op.output_padding)
    if isinstance(op, Convolution):
        depthwise = op.groups == weights.codes.shape[0] and weights.codes.shape[1] == 1
        if weights.codes.ndim != 4 or (input_scales != 1 and not depthwise):
            return None
        return ConvolutionInteger(**_window(op), groups=op.groups)
    assert isinstance(op, MatMul)
    if (
        op.transpose_a
        or weights.codes.ndim != 2
        or input_scales != 1
        or (weights.scale.size != 1 and not op.transpose_b)
    ):
        return None
    return MatMulInteger(transpose_b=op.transpose_b)


def _window(op: Convolution | ConvolutionBackpropData) -> dict[str, Any]:
    return {name: getattr(op, name) for name in ("strides", "pads_begin", "pads_end", "dilations")}


def integer_weights(tensor: Tensor, axis: int = 0) -> IntegerWeights | None:
    """The integers behind a weights tensor, stored as Constant(s8) -> Convert -> Multiply, or None if there
    are none.

    axis: of the output channels, the only one along which the scale may change.

    Weights with a zero point (preset `accuracy`) have no such form on CPUs: their layers stay in float.
    """
    multiply = tensor.producer
    if multiply.type != "Multiply":
        return None
    convert, scale = multiply.inputs[0].producer, multiply.inputs[1].constant
    if convert.type != "Convert" or scale is None:
        return None
    codes = convert.inputs[0].constant
    if (
        codes is None
        or codes.dtype != I8
        or (
            scale.size > 1
            and (scale.ndim != codes.ndim or not codes.shape[axis] == scale.shape[axis] == scale.size)
        )
    ):
        return None
    return IntegerWeights(codes, scale.reshape(-1).astype(np.float32))
