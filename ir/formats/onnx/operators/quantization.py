"""Quantized models: FakeQuantize and QuantizeLinear, DequantizeLinear; int8 weights and DequantizeLinear
(docs/onnx.md).
"""

import numpy as np

from ....dtypes import F32, I8, U8
from ....graph import Node, Tensor
from ....lowering.lower import integer_weights, reaches_layer
from ....ops.add import Add
from ....ops.clamp import Clamp
from ....ops.common.quantization import quantization_multiplier, snap_shift
from ....ops.convert import Convert
from ....ops.divide import Divide
from ....ops.fake_quantize import FakeQuantize
from ....ops.maximum import Maximum
from ....ops.minimum import Minimum
from ....ops.reduce_max import ReduceMax
from ....ops.reduce_min import ReduceMin
from ....ops.round import Round
from ....ops.subtract import Subtract
from ....simplify.edits import known_array
from ..errors import OnnxError
from ..node_writer import Emitter, writes
from ..onnx_node import OnnxNode, reads
from ..quantized_tensors import HIGH, LOW, Grid, LinearCodes, dequantized, grid_of_bounds, read_grid


@reads("QuantizeLinear", since=10, ignored=("saturate",))
def quantize_linear(node: OnnxNode) -> LinearCodes:
    """`saturate` speaks of 8-bit floats only."""
    x, axis = node.input(0), node.attribute("axis", 1)
    _refuse_blocks(node)
    constant = known_array(x)
    if constant is not None and x.constant is None:
        x = node.constant(constant, "value", x.dtype)
    return LinearCodes(node, x, read_grid(node, 1, 2, len(x.shape), axis))


@reads("DequantizeLinear", since=10)
def dequantize_linear(node: OnnxNode) -> Tensor:
    axis = node.attribute("axis", 1)
    _refuse_blocks(node)
    codes = node.scope.codes.get(node.proto.input[0])
    dtype = codes.grid.dtype if isinstance(codes, LinearCodes) else node.dtype(0)
    rank = len(codes.x.shape) if isinstance(codes, LinearCodes) else len(node.shape(0))
    return dequantized(node, 0, read_grid(node, 1, 2, rank, axis, dtype), node.name)


@reads("DynamicQuantizeLinear", since=11)
def dynamic_quantize_linear(node: OnnxNode) -> list[Tensor]:
    """(codes, scale, zero point): u8 codes from the least to the greatest element, zero among them."""
    x, axes, zero = (
        node.input(0),
        node.constant(range(len(node.input(0).shape)), "axes"),
        node.constant(0, "zero", F32),
    )
    low = node.add(Minimum(), node.add(ReduceMin(), x, axes, suffix="min"), zero, suffix="low")
    high = node.add(Maximum(), node.add(ReduceMax(), x, axes, suffix="max"), zero, suffix="high")
    width, steps = node.add(Subtract(), high, low, suffix="width"), node.constant(255, "steps", F32)
    exact = node.add(Divide(), width, steps, suffix="exact_scale")
    # all zeros have scale 0
    scale = node.add(Maximum(), exact, node.constant(np.finfo(F32).tiny, "tiny", F32), suffix="scale")
    start = node.add(Divide(), node.add(Subtract(), zero, low, suffix="negative"), scale, suffix="start")
    zero_point = node.add(
        Clamp(min=0, max=255), node.add(Round(), start, suffix="round"), suffix="real_zero_point"
    )
    position = node.add(Round(), node.add(Divide(), x, scale, suffix="scaled"), suffix="position")
    codes = node.add(
        Clamp(min=0, max=255), node.add(Add(), position, zero_point, suffix="shifted"), suffix="real_codes"
    )
    to_u8 = Convert(destination_type=U8)
    return [node.add(to_u8, codes), scale, node.add(to_u8, zero_point, suffix="zero_point")]


def _refuse_blocks(node: OnnxNode) -> None:
    if node.attribute("block_size", 0):
        raise OnnxError("block_size must be 0; scales of blocks are not supported")
    if node.attribute("output_dtype", 0) not in (0, 2, 3):
        raise OnnxError("output_dtype must be UINT8 or INT8")


# ---- the other way -----------------------------------------------------------------------------------------


@writes("FakeQuantize")
def write_fake_quantize(node: Emitter) -> None:
    grid = _grid(node.node)
    if grid is None:
        _write_step_by_step(node)
        return
    low, high = (t.constant for t in node.node.inputs[1:3])
    scale, zero_point = (
        node.constant(grid.scale, "scale", F32),
        node.constant(grid.zero_point, "zero_point", U8),
    )
    codes, bounds = [node.step("codes")], {LOW: _to_text(low), HIGH: _to_text(high)}
    several = grid.axis is not None or _reads_by_channel(node.node.inputs[0])
    x = _kept_apart(node) if several else node.input(0)
    node.emit_as(
        node.node.name, "QuantizeLinear", x, scale, zero_point, outputs=codes, axis=grid.axis, metadata=bounds
    )
    node.emit_as(
        node.step("real"), "DequantizeLinear", *codes, scale, zero_point, outputs=node.outputs, axis=grid.axis
    )


def _kept_apart(node: Emitter) -> str:
    """The input behind a Max with minus infinity, which changes no number, and which the reader takes out
    again (arithmetic.py).

    onnxruntime would make one operator of a layer and the QuantizeLinear right behind it, and none of its
    operators has an input or output with several scales: it then refuses the model.
    """
    return node.emit("Max", node.input(0), node.constant(-np.inf, "no_bound", F32), suffix="unbounded")


def _reads_by_channel(tensor: Tensor) -> bool:
    """Does the layer that makes a tensor, or the one before its bias, read numbers with a scale for each
    channel?
    """
    made_by = [tensor.producer]
    if tensor.producer.type == "Add":
        made_by += [t.producer for t in tensor.producer.inputs]
    return any(_is_by_channel(t) for layer in made_by for t in layer.inputs)


def _is_by_channel(tensor: Tensor) -> bool:
    node = tensor.producer
    if node.type != "FakeQuantize" or node.inputs[0].constant is not None:
        return False
    grid = _grid(node)
    return grid is not None and grid.axis is not None


def _grid(node: Node) -> Grid | None:
    """The grid of a FakeQuantize that rounds to 256 codes and back, if real zero is one of them.

    Nearly one is good enough for a layer, which computes with integers; others would see all their numbers
    shifted.
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
    """In float arithmetic, as FakeQuantize is defined: what has no u8 codes, or none for real zero, is the
    same numbers everywhere.
    """
    assert isinstance(node.op, FakeQuantize)
    low, high, output_low, output_high = (np.asarray(node.known(i), np.float32) for i in range(1, 5))
    levels, half = node.op.levels, node.dtype() != F32
    multiplier, shift = quantization_multiplier(low, high, levels)
    step = ((output_high - output_low) / np.float32(levels - 1)).astype(np.float32)
    by, plus, times, start = (
        node.constant(v, n, F32)
        for v, n in ((multiplier, "multiplier"), (shift, "shift"), (step, "step"), (output_low, "low"))
    )
    first, last = node.constant(0, "first", F32), node.constant(levels - 1, "last", F32)
    x = node.cast(node.input(0), F32, suffix="f32") if half else node.input(0)
    position = node.emit("Add", node.emit("Mul", x, by, suffix="scaled"), plus, suffix="position")
    codes = node.emit("Clip", node.emit("Round", position, suffix="round"), first, last, suffix="codes")
    y = node.emit("Add", node.emit("Mul", codes, times, suffix="steps"), start, suffix="real" if half else "")
    if half:
        node.cast(y, node.dtype())


# ---- weights -----------------------------------------------------------------------------------------------


@writes("Multiply")
def write_multiply(node: Emitter) -> None:
    """The end of Constant(s8) -> Convert -> Multiply is a DequantizeLinear along the output channels; any
    other Multiply a Mul.
    """
    if integer_weights(node.node.output) is None:
        node.emit("Mul", *node.inputs())
    else:
        emit_weights(node, node.node.output, node.outputs[0])


def emit_weights(at: Emitter, tensor: Tensor, name: str, *, transposed: bool = False) -> str:
    """A DequantizeLinear called `name` of the int8 weights behind a tensor, with one scale or one for each of
    the first axis (O).

    transposed: write the matrix (O,K) as (K,O).
    """
    weights = integer_weights(tensor)
    assert weights is not None
    codes, scale = tensor.producer.inputs[0].producer.inputs[0], tensor.producer.inputs[1]
    codes_name, scale_name = at.target.name(codes), at.target.name(scale)
    if transposed:
        codes_name = at.array(weights.codes.T, codes_name)
    per_channel = weights.scale.size > 1
    values = weights.scale if per_channel else weights.scale.reshape(())
    scale_name = at.array(values, scale_name)
    zero_point = at.array(np.zeros(values.shape, I8), f"{name}/zero_point")
    return at.emit_as(
        name,
        "DequantizeLinear",
        codes_name,
        scale_name,
        zero_point,
        axis=int(transposed) if per_channel else None,
    )
