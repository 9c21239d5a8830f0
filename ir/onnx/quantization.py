"""Quantized models: FakeQuantize as QuantizeLinear and DequantizeLinear, int8 weights as DequantizeLinear (docs/onnx.md)."""

from typing import NamedTuple

import numpy as np

from ..dtypes import F32, I8, U8
from ..graph import Node
from ..lowering import integer_weights, reaches_layer
from ..ops.affine import quantization_multiplier, snap_shift
from ..ops.fake_quantize import FakeQuantize
from .emitter import Emitter, writes
from .errors import OnnxError

LOW, HIGH = "numpot.low", "numpot.high"  # keys of the bounds that a scale and zero point come from


class Grid(NamedTuple):
    """The u8 codes of a FakeQuantize: real = (code - zero_point) * scale, per tensor, (), or along one axis, (C,)."""

    scale: np.ndarray  # float32
    zero_point: np.ndarray  # u8
    axis: int | None


def grid_of_bounds(low: np.ndarray, high: np.ndarray, rank: int) -> Grid | None:
    """The grid of 256 codes from low to high, float32, for a tensor of that rank; real zero becomes the nearest code.

    None for a range without zero or width, or with a pattern that is neither per tensor nor along one axis.
    """
    low, high = np.broadcast_arrays(low, high)
    axes = [axis + rank - low.ndim for axis, d in enumerate(low.shape) if d != 1]
    if len(axes) > 1 or not ((low <= 0) & (high >= 0) & (low < high)).all():
        return None
    shape = (-1,) if axes else ()
    scale = ((high - low) / np.float32(255)).astype(np.float32)
    _, shift = quantization_multiplier(low, high, 256)
    zero_point = np.floor(shift + np.float32(0.5)).astype(np.uint8)
    return Grid(scale.reshape(shape), zero_point.reshape(shape), axes[0] if axes else None)


# ---- activations ---------------------------------------------------------------------------------------------------------------


@writes("FakeQuantize")
def write_fake_quantize(node: Emitter) -> None:
    grid = _grid(node.node)
    if grid is None:
        _write_step_by_step(node)
        return
    low, high = (t.constant for t in node.node.inputs[1:3])
    scale, zero_point = node.constant(grid.scale, "scale", F32), node.constant(grid.zero_point, "zero_point", U8)
    codes, bounds = [node.step("codes")], {LOW: _to_text(low), HIGH: _to_text(high)}
    node.emit_as(node.node.name, "QuantizeLinear", node.input(0), scale, zero_point, outputs=codes, axis=grid.axis, metadata=bounds)
    node.emit_as(node.step("real"), "DequantizeLinear", *codes, scale, zero_point, outputs=node.outputs, axis=grid.axis)


def _grid(node: Node) -> Grid | None:
    """The grid of a FakeQuantize that rounds to 256 codes and back, if real zero is one of them.

    Nearly one is good enough for a layer, which computes with integers; others would see all their numbers shifted.
    """
    assert isinstance(node.op, FakeQuantize)
    x, *ends = node.inputs
    bounds = [t.constant for t in ends if t.constant is not None]
    if x.dtype != F32 or node.op.levels != 256 or len(bounds) != 4:
        return None
    low, high, output_low, output_high = bounds
    if not (np.array_equal(low, output_low) and np.array_equal(high, output_high)):
        return None
    _, shift = quantization_multiplier(low, high, 256)
    zero_is_a_code = np.array_equal(snap_shift(shift), np.rint(shift))
    return grid_of_bounds(low, high, len(x.shape)) if zero_is_a_code or reaches_layer(node) else None


def _to_text(bound: np.ndarray | None) -> str:
    """Numbers that are read back as the same float32."""
    return " ".join(str(v) for v in np.asarray(bound, np.float32).ravel())


def _write_step_by_step(node: Emitter) -> None:
    """In float arithmetic, as FakeQuantize is defined: what has no u8 codes, or none for real zero, is the same numbers everywhere."""
    assert isinstance(node.op, FakeQuantize)
    low, high, output_low, output_high = (np.asarray(node.known(i), np.float32) for i in range(1, 5))
    levels, half = node.op.levels, node.dtype() != F32
    multiplier, shift = quantization_multiplier(low, high, levels)
    step = ((output_high - output_low) / np.float32(levels - 1)).astype(np.float32)
    by, plus, times, start = (
        node.constant(v, n, F32) for v, n in ((multiplier, "multiplier"), (shift, "shift"), (step, "step"), (output_low, "low"))
    )
    first, last = node.constant(0, "first", F32), node.constant(levels - 1, "last", F32)
    x = node.cast(node.input(0), F32, suffix="f32") if half else node.input(0)
    position = node.emit("Add", node.emit("Mul", x, by, suffix="scaled"), plus, suffix="position")
    codes = node.emit("Clip", node.emit("Round", position, suffix="round"), first, last, suffix="codes")
    y = node.emit("Add", node.emit("Mul", codes, times, suffix="steps"), start, suffix="real" if half else "")
    if half:
        node.cast(y, node.dtype())


# ---- weights -------------------------------------------------------------------------------------------------------------------


@writes("Multiply")
def write_multiply(node: Emitter) -> None:
    """The end of Constant(s8) -> Convert -> Multiply is a DequantizeLinear along the output channels; any other Multiply a Mul."""
    weights = integer_weights(node.node.output)
    if weights is None:
        node.emit("Mul", *node.inputs())
    else:
        emit_weights(node, weights.codes, weights.scale, axis=0, name=node.outputs[0])


def emit_weights(at: Emitter, codes: np.ndarray, scale: np.ndarray, axis: int, name: str) -> str:
    """A DequantizeLinear called `name` of s8 codes, with one scale, (1,), or one for each place along an axis."""
    scale = scale.reshape(()) if scale.size == 1 else scale
    arrays = {"codes": codes, "scale": scale, "zero_point": np.zeros(scale.shape, I8)}
    inputs = [at.array(value, f"{name}/{what}") for what, value in arrays.items()]
    return at.emit_as(name, "DequantizeLinear", *inputs, axis=axis if scale.ndim else None)


# ---- integer graphs ------------------------------------------------------------------------------------------------------------


@writes("Quantize")
def write_quantize(node: Emitter) -> None:
    """By multiplication, as it is defined: QuantizeLinear divides, and rounds some halves the other way."""
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
    node.emit("ConvInteger", node.input(0), node.input(1), zero, strides=op.strides, pads=pads, dilations=op.dilations, group=op.groups)


@writes("MatMulInteger")
def write_matmul_integer(node: Emitter) -> None:
    _check_exact(node)
    w = node.emit("Transpose", node.input(1), suffix="w") if node.op.transpose_b else node.input(1)
    zero = node.emit("Reshape", node.input(2), node.constant([], "scalar"), suffix="zero")
    node.emit("MatMulInteger", node.input(0), w, zero)


def _check_exact(node: Emitter) -> None:
    if node.op.arithmetic != "exact":
        raise OnnxError(f"ONNX has exact integer arithmetic only, found {node.op.arithmetic!r}")
