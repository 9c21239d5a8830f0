"""Build program rows for operators between layers: quantize and dequantize, sums of two branches, means,
concatenation.
"""

import numpy as np

from numpot.kernels.layers.elementwise import Affine
from numpot.kernels.program.step import Row
from numpot.kernels.program.step_kernels import Kernel
from numpot.kernels.tiles.epilogue import make_epilogue, spread

from ...dtypes import DType
from ...graph import Node
from .builder import TURNED, Context, Image, LayerKernel, activation, image
from .fusion import Chain
from .integer_epilogue import ZERO, take_codes
from .integer_epilogue import Affine as ToCodes
from .tensor_slots import lies_channels_last


def codes(node: Node, chain: Chain, context: Context) -> LayerKernel | None:
    """Quantize of floats, and what may stand before it: see integer_epilogue.py. The channels of a model
    input become the last axis.
    """
    x = node.inputs[0]
    shape = image(x, context.slots)
    chain.nodes.clear()  # the node itself may be the first of an affine map
    made = None if shape is None else take_codes(chain)
    if shape is None or made is None:
        chain.nodes.append(node)
        return None
    affine, offset = made
    turns = len(x.shape) == 4 and not lies_channels_last(x)
    if not turns and all(constant.size == 1 for constant in affine):  # one line, as if of one channel
        shape = (shape[0], shape[1] * shape[2], 1)
    row = Row(Kernel.QUANTIZE_NCHW if turns else Kernel.QUANTIZE)
    row.shapes(shape, shape)
    _write_codes(row, shape[2], affine, offset)
    return LayerKernel("quantize", row, x, as_it_is=True)


def dequantize(node: Node, chain: Chain, context: Context) -> LayerKernel | None:
    """Dequantize of u8 [-> Subtract] [-> Multiply] [-> affine and Quantize]: to floats, or to codes of
    another range.
    """
    x, affine = node.inputs[0], _codes_of(chain, node)
    shape = image(x, context.slots)
    if affine is None or shape is None:
        return None
    if (affine.multiplier == 1).all():  # code values: a product by 1 rounds nothing
        (zero,) = (None if affine.shift.any() else chain.take_per_channel("Subtract")) or [affine.shift]
        (scale,) = chain.take_per_channel("Multiply") or [affine.multiplier]
        affine = Affine(scale, zero)
    end = take_codes(chain)
    row = Row(Kernel.DEQUANTIZE if end is None else Kernel.REQUANTIZE)
    row.shapes(shape, shape)
    _write_affine(row, affine, shape[2])
    if end is None:
        return LayerKernel("dequantize", row, x)
    _write_codes(row, shape[2], *end)
    return LayerKernel("requantize", row, x)


def add(node: Node, chain: Chain, context: Context) -> LayerKernel | None:
    """Add of two float branches [-> ReLU | Clamp]."""
    shape = image(node.output, context.slots)
    shapes = [[k.shape for k in t.known] for t in (*node.inputs, node.output)]
    if shape is None or node.output.dtype != np.float32 or shapes[0] != shapes[2] or shapes[1] != shapes[2]:
        return None
    if any(
        t.dtype != np.float32 or image(t, context.slots) is None or chain.constant(t) is not None
        for t in node.inputs
    ):
        return None
    low, high = activation(chain)
    row = Row(Kernel.ADD)
    row.write("epilogue", {"low": low, "high": high})
    row.shapes(shape, shape)
    return LayerKernel("add f32", row, node.inputs[0], node.inputs[1])


def clip(node: Node, chain: Chain, context: Context) -> LayerKernel | None:
    """ReLU or Clamp of floats that no layer takes over."""
    x = node.inputs[0]
    shape = image(x, context.slots)
    if shape is None or x.dtype != np.float32:
        return None
    chain.nodes.clear()  # the node itself is the activation
    low, high = activation(chain)
    row = Row(Kernel.CLIP)
    row.write("epilogue", {"low": low, "high": high})
    row.shapes(shape, shape)
    return LayerKernel("clip f32", row, x)


def sweep(shape: Image) -> Row:
    """What takes the extremes and sums of the channels of a float image."""
    row = Row(Kernel.MIN_MAX_SUM)
    row.shapes(shape, (1, 4, shape[2]))
    return row


def mean(node: Node, chain: Chain, context: Context) -> LayerKernel | None:
    """ReduceMean over an image's height and width; of codes, [-> Subtract | Multiply, affine and Quantize] is
    taken over too.

    Of floats in a float model only: where codes follow, the definition's order of summation decides ties.
    """
    x, axes = node.inputs[0], chain.constant(node.inputs[1])
    shape, made = image(x, context.slots), context.slots.parts(node.output)
    if (
        shape is None
        or made != shape[2]
        or len(x.shape) != 4
        or x.dtype != np.float32
        or axes is None
        or sorted(axes % 4) != [2, 3]
    ):
        return None
    affine = _codes_of(chain, x.producer) if x.producer.type == "Dequantize" else None
    if affine is None and context.graph.of_type("Quantize"):
        return None
    row = Row(Kernel.MEAN_FF if affine is None else Kernel.MEAN_UF)
    row.shapes(shape, (1, 1, shape[2]))
    if affine is None:
        return LayerKernel("mean f32", row, x)
    _write_affine(row, affine, shape[2])
    end = take_codes(chain)
    if end is not None:
        row.set(kernel=Kernel.MEAN_UU)
        _write_codes(row, shape[2], *end)
    return LayerKernel("mean u8", row, x.producer.inputs[0])


def copies(node: Node, chain: Chain, context: Context) -> list[LayerKernel] | None:
    """Concat of channels: one copy an input, each into its place."""
    axis: int = node.op.axis  # type: ignore[attr-defined]
    rank, size = len(node.output.shape), node.output.dtype.itemsize
    shapes = [image(t, context.slots) for t in (*node.inputs, node.output)]
    if (
        axis % max(rank, 1) != (1 if rank == 4 else rank - 1)
        or None in shapes
        or any(chain.constant(t) is not None for t in node.inputs)
    ):
        return None
    rows, first = [], 0
    made: Image = shapes[-1]  # type: ignore[assignment]
    for tensor, shape in zip(node.inputs, shapes, strict=False):
        height, width, channels = shape  # type: ignore[misc]
        row = Row(Kernel.COPY, flag=first * size)
        row.shapes((height, width, channels * size), (*made[:2], made[2] * size))
        rows.append(LayerKernel("copy", row, tensor))
        first += channels
    return rows


def channels_last(shape: Image, dtype: DType) -> Row:
    """What brings an image (C,H,W) into shape, (H,W,C)."""
    return _turn(shape[0] * shape[1], shape[2], dtype)


def channels_first(shape: Image, dtype: DType) -> Row:
    """What brings an image of shape (H,W,C) into (C,H,W)."""
    return _turn(shape[2], shape[0] * shape[1], dtype)


def flat(node: Node, chain: Chain, context: Context) -> LayerKernel | None:
    """Reshape, Flatten: an image (H,W,C) whose elements are wanted as those of (C,H,W), in one row."""
    x, y = node.inputs[0], node.output
    shape = image(x, context.slots)
    if len(x.shape) != 4 or not lies_channels_last(x) or len(y.shape) == 4 or shape is None:
        return None
    if x.dtype.itemsize not in TURNED:
        return None
    return LayerKernel("channels first", channels_first(shape, x.dtype), x)


def _turn(lines: int, columns: int, dtype: DType) -> Row:
    row = Row(Kernel.TRANSPOSE_U if dtype.itemsize == 1 else Kernel.TRANSPOSE_F)
    row.shapes((columns, 1, lines), (lines, 1, columns))
    return row


def _codes_of(chain: Chain, node: Node) -> Affine | None:
    """Scale and zero point of a Dequantize of u8."""
    if (
        node.inputs[0].dtype != np.uint8
        or node.output in chain.kept
        or node.inputs[0].shape != node.output.shape
    ):
        return None
    vectors = [chain.channel_vector(t, node.output) for t in node.inputs[1:]]
    if any(v is None for v in vectors):
        return None
    return Affine(*vectors, *[ZERO] * (2 - len(vectors)))  # type: ignore[arg-type]


def _write_codes(row: Row, channels: int, affine: ToCodes, offset: float) -> None:
    """The map of numbers to codes, which have no other epilogue before it."""
    row.write("epilogue", make_epilogue(channels, 1.0, 0.0, -np.inf, np.inf, *affine, offset))


def _write_affine(row: Row, affine: Affine, channels: int) -> None:
    row.write("affine", {name: spread(value, channels) for name, value in affine._asdict().items()})
