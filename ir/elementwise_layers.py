"""What stands between layers, as rows of a program: codes and back, sums of two branches, means, channels side by side."""

import numpy as np

from numpot.kernels.program import Kernel
from numpot.kernels.steps import Row

from .chain import Chain
from .float_layers import ZERO
from .graph import Node, Tensor
from .layer_steps import Context, Image, LayerKernel, activation, image
from .slots import lies_channels_last


def quantize(node: Node, chain: Chain, context: Context) -> LayerKernel | None:
    """Quantize, of a model input perhaps, whose channels then become the last axis on the way."""
    x, affine, levels = node.inputs[0], _per_channel(chain, node), node.op.levels  # type: ignore[attr-defined]
    shape = image(x, context.slots)
    if affine is None or shape is None or levels != 256:
        return None
    row = Row(Kernel.QUANTIZE, flag=int(len(x.shape) == 4 and not lies_channels_last(x)))
    row.shapes(shape, shape)
    _write_affine(row, "affine", affine, shape[2])
    return LayerKernel("quantize", row, x, as_it_is=True)


def dequantize(node: Node, chain: Chain, context: Context) -> LayerKernel | None:
    x, affine = node.inputs[0], _codes_of(chain, node)
    shape = image(x, context.slots)
    if affine is None or shape is None:
        return None
    row = Row(Kernel.DEQUANTIZE)
    row.shapes(shape, shape)
    _write_affine(row, "affine", affine, shape[2])
    return LayerKernel("dequantize", row, x)


def add(node: Node, chain: Chain, context: Context) -> LayerKernel | None:
    """Add of two branches [-> ReLU | Clamp]; of codes, [-> Quantize] is taken over too."""
    a, b = node.inputs
    shape = image(node.output, context.slots)
    if shape is None or node.output.dtype != np.float32 or not (_same_shapes(a, node.output) and _same_shapes(b, node.output)):
        return None
    codes = [_codes_of(chain, t.producer) if t.producer.type == "Dequantize" else None for t in (a, b)]
    low, high = activation(chain)
    row = Row(Kernel.ADD_FF)
    row.write("epilogue", {"low": low, "high": high})
    row.shapes(shape, shape)
    quantized = chain.take_quantize() if all(codes) else None
    if not quantized:
        return LayerKernel("add f32", row, a, b)
    row.record["kernel"] = Kernel.ADD_UU
    for name, affine in zip(("affine", "other_affine", "codes"), (*codes, quantized), strict=True):
        _write_affine(row, name, affine, shape[2])  # type: ignore[arg-type]
    return LayerKernel("add u8", row, a.producer.inputs[0], b.producer.inputs[0])


def mean(node: Node, chain: Chain, context: Context) -> LayerKernel | None:
    """ReduceMean over an image's height and width."""
    x, axes = node.inputs[0], chain.constant(node.inputs[1])
    shape, made = image(x, context.slots), context.slots.parts(node.output)
    if shape is None or made != shape[2] or len(x.shape) != 4 or x.dtype != np.float32 or axes is None or sorted(axes % 4) != [2, 3]:
        return None
    affine = _codes_of(chain, x.producer) if x.producer.type == "Dequantize" else None
    row = Row(Kernel.MEAN_F if affine is None else Kernel.MEAN_U)
    row.shapes(shape, (1, 1, shape[2]))
    if affine is None:
        return LayerKernel("mean f32", row, x)
    _write_affine(row, "affine", affine, shape[2])
    return LayerKernel("mean u8", row, x.producer.inputs[0])


def copies(node: Node, context: Context) -> list[LayerKernel] | None:
    """Concat of channels: one copy an input, each into its place."""
    axis: int = node.op.axis  # type: ignore[attr-defined]
    rank, size = len(node.output.shape), node.output.dtype.itemsize
    shapes = [image(t, context.slots) for t in (*node.inputs, node.output)]
    if axis % max(rank, 1) != (1 if rank == 4 else rank - 1) or None in shapes:
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


def channels_last(shape: Image, size: int) -> Row:
    """What brings a model input with elements of `size` bytes into (H,W,C)."""
    row = Row(Kernel.CHANNELS_LAST, flag=size)
    row.shapes(shape, shape)
    return row


def _same_shapes(a: Tensor, b: Tensor) -> bool:
    return [k.shape for k in a.known] == [k.shape for k in b.known]


def _per_channel(chain: Chain, node: Node) -> list[np.ndarray] | None:
    """The constants that a Quantize or Dequantize reads, each a number or (C,); None if one is something else."""
    vectors = [chain.channel_vector(t, node.output) for t in node.inputs[1:]]
    return None if any(v is None for v in vectors) else vectors  # type: ignore[return-value]


def _codes_of(chain: Chain, node: Node) -> list[np.ndarray] | None:
    """Scale and zero point of a Dequantize of u8."""
    if node.inputs[0].dtype != np.uint8 or node.output in chain.kept:
        return None
    vectors = _per_channel(chain, node)
    return vectors if vectors is None or len(vectors) == 2 else [*vectors, ZERO]


def _write_affine(row: Row, name: str, affine: list[np.ndarray], channels: int) -> None:
    multiplier, shift = (np.ascontiguousarray(np.broadcast_to(v, channels), np.float32) for v in affine)
    row.write(name, {"multiplier": multiplier, "shift": shift})
