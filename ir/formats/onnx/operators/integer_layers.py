"""Layers on integers: ConvInteger and MatMulInteger, and QLinearConv and QLinearMatMul, which also scale and
round what they sum.
"""

from functools import reduce
from typing import Any

import numpy as np

from ....dtypes import F32, I8, I32, U8
from ....graph import Tensor
from ....ops.add import Add
from ....ops.common.operator import Operator
from ....ops.convert import Convert
from ....ops.convolution import Convolution
from ....ops.convolution_integer import ConvolutionInteger
from ....ops.matmul_integer import MatMulInteger
from ..errors import OnnxError
from ..node_writer import Emitter, writes
from ..onnx_node import OnnxNode, reads
from ..quantized_tensors import Grid, LinearCodes, add_weights, dequantized, read_grid
from .linear import product
from .windows import window_attributes


@reads("QLinearConv", since=10)
def qlinear_conv(node: OnnxNode) -> LinearCodes:
    """Inputs (x, its scale and zero point, w, its, those of the result, bias): a Convolution of what the
    codes stand for.
    """
    w = node.known(3)
    x, x_grid = _operand(node, 0)
    w_grid = read_grid(node, 4, 5, w.ndim, 0)
    window = window_attributes(node, x, w.shape[2:])
    op = Convolution(
        **window.explicit(x.shape[2:]), dilations=window.dilations, groups=node.attribute("group", 1)
    )
    y = node.add(op, x, add_weights(node, w, w_grid, node.proto.input[3]), suffix="WithoutBiases")
    if node.has(8):
        scale = (x_grid.scale * w_grid.scale).astype(F32)
        bias = node.known(8).astype(F32) * scale
        y = node.add(
            Add(), y, node.constant(bias.reshape(1, -1, *(1,) * (w.ndim - 2)), "bias", F32), suffix="float"
        )
    return LinearCodes(node, y, read_grid(node, 6, 7, w.ndim, 1))


@reads("QLinearMatMul", since=10)
def qlinear_matmul(node: OnnxNode) -> LinearCodes:
    (a, _), (b, _) = _operand(node, 0), _operand(node, 3)
    y = product(node, a, b, suffix="float")
    return LinearCodes(node, y, read_grid(node, 6, 7, len(y.shape), None))


def _operand(node: OnnxNode, i: int) -> tuple[Tensor, Grid]:
    """Input i as real numbers, and its grid, which the two inputs after it describe. A matrix may have a
    scale for each column.
    """
    codes = node.scope.codes.get(node.proto.input[i])
    rank = len(codes.x.shape) if isinstance(codes, LinearCodes) else len(node.shape(i))
    grid = read_grid(node, i + 1, i + 2, rank, 1 if i else None)
    return dequantized(node, i, grid), grid


@reads("ConvInteger", since=10)
def conv_integer(node: OnnxNode) -> Tensor:
    x, zero_point = _unsigned(node, 0, 2)
    window = window_attributes(node, x, node.shape(1)[2:])
    sides: dict[str, Any] = window.explicit(x.shape[2:])
    op = ConvolutionInteger(**sides, dilations=window.dilations, groups=node.attribute("group", 1))
    return _sum_over_parts(node, op, x, zero_point)


@reads("MatMulInteger", since=10)
def matmul_integer(node: OnnxNode) -> Tensor:
    return _sum_over_parts(node, MatMulInteger(), *_unsigned(node, 0, 2))


def _sum_over_parts(node: OnnxNode, op: Operator, x: Tensor, zero_point: Tensor) -> Tensor:
    """The layer once for each part of its weights: minus their zero point they may need nine bits, and are
    then a sum of 8-bit ones.
    """
    first, *others = _signed_parts(node, 1, 3)
    if not others:
        return node.add(op, x, first, zero_point)
    sums = [node.add(op, x, part, zero_point, suffix="part") for part in (first, *others)]
    *so_far, last = sums
    return node.add(Add(), reduce(lambda a, b: node.add(Add(), a, b, suffix="sum"), so_far), last)


def _unsigned(node: OnnxNode, i: int, zero_point: int) -> tuple[Tensor, Tensor]:
    """Input i and its zero point as u8: signed codes and their zero point both grow by 128, which changes no
    difference.
    """
    x = node.input(i)
    zero = node.input(zero_point) if node.has(zero_point) else node.constant(0, "zero_point", x.dtype)
    if x.dtype == U8:
        return x, zero
    shifted = []
    for tensor, name in ((x, "unsigned"), (zero, "unsigned_zero")):
        wide = node.add(Convert(destination_type=I32), tensor, suffix=f"{name}/wide")
        above_zero = node.add(Add(), wide, node.constant(128, f"{name}/shift", I32), suffix=f"{name}/shifted")
        shifted.append(node.add(Convert(destination_type=U8), above_zero, suffix=name))
    return shifted[0], shifted[1]


def _signed_parts(node: OnnxNode, i: int, zero_point: int) -> list[Tensor]:
    """Input i minus its zero point, as i8 tensors to be added up. Weights that the model computes must be i8
    with zero point 0.
    """
    zero = node.known(zero_point) if node.has(zero_point) else np.zeros((), node.dtype(i))
    if node.dtype(i) == I8 and not zero.any():
        return [node.input(i)]
    w = node.known(i)
    if zero.size > 1 and node.type == "ConvInteger":
        # one for each output channel; for each column in a matrix
        zero = zero.reshape(-1, *(1,) * (w.ndim - 1))
    rest = w.astype(np.int64) - zero.astype(np.int64)
    parts: list[Tensor] = []
    while not parts or rest.any():
        part = np.clip(rest, -128, 127)
        parts.append(node.constant(part, "weights", I8))
        rest = rest - part
    return parts


# ---- the other way -----------------------------------------------------------------------------------------


@writes("Quantize")
def write_quantize(node: Emitter) -> None:
    """Write a multiplication, as the operator is defined: QuantizeLinear divides, and rounds some halves the
    other way.
    """
    first, last = node.constant(0, "first", F32), node.constant(node.op.levels - 1, "last", F32)
    scaled = node.emit("Mul", node.input(0), node.input(1), suffix="scaled")
    position = node.emit("Round", node.emit("Add", scaled, node.input(2), suffix="position"), suffix="round")
    node.cast(node.emit("Clip", position, first, last, suffix="real"), U8)


@writes("Dequantize")
def write_dequantize(node: Emitter) -> None:
    """(x - zero_point) * scale, step by step: it takes any shapes that broadcast."""
    x = node.cast(node.input(0), F32, suffix="float")
    if node.has(2):
        x = node.emit("Sub", x, node.cast(node.input(2), F32, suffix="zero_point"), suffix="shifted")
    node.emit("Mul", x, node.input(1))


@writes("ConvolutionInteger")
def write_convolution_integer(node: Emitter) -> None:
    op, zero_point = node.op, node.node.inputs[2].shape
    _check_exact(node)
    if any(d != 1 for d in zero_point):
        raise OnnxError("ONNX has ConvInteger with one zero point only, found one for each channel")
    pads = (*op.pads_begin, *op.pads_end)
    zero = node.emit("Reshape", node.input(2), node.constant([], "scalar"), suffix="zero")
    node.emit(
        "ConvInteger",
        node.input(0),
        node.input(1),
        zero,
        strides=op.strides,
        pads=pads,
        dilations=op.dilations,
        group=op.groups,
    )


@writes("MatMulInteger")
def write_matmul_integer(node: Emitter) -> None:
    _check_exact(node)
    w = node.emit("Transpose", node.input(1), suffix="w") if node.op.transpose_b else node.input(1)
    zero = node.emit("Reshape", node.input(2), node.constant([], "scalar"), suffix="zero")
    node.emit("MatMulInteger", node.input(0), w, zero)


def _check_exact(node: Emitter) -> None:
    if node.op.arithmetic != "exact":
        raise OnnxError(f"ONNX has exact integer arithmetic only, found {node.op.arithmetic!r}")
