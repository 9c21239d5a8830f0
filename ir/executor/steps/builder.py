"""The registry of operators with kernels: for each one, which operators its kernel fuses, and the row of the
program it becomes.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from numpot.kernels.layers.pooling import MEAN_INSIDE, MEAN_OF_ALL, SUM
from numpot.kernels.layout.window import Window
from numpot.kernels.program.step import Row
from numpot.kernels.program.step_kernels import Kernel

from ...graph import Graph, Node, Tensor
from .fusion import Chain
from .tensor_slots import Slots, lies_channels_last


@dataclass
class Context:
    """What a step's builder may ask about the plan it goes into."""

    graph: Graph
    slots: Slots
    threads: int
    counting: bool = False  # of pairs that clip, which exact sums do not show


@dataclass(frozen=True)
class Tallied:
    """An integer layer whose saturation can be counted.

    weights: (O,G,kh,kw), as the layer has them; pairs: sums of one image; pairings: all that some processor
    forms (kernels/saturation.py); is_safe_here: whether no input could make one of the pairs that are counted
    clip.
    """

    weights: np.ndarray
    pairs: int
    pairings: Callable[[], list[np.ndarray]]  # made when somebody asks: a layer that only runs needs none
    is_safe_here: bool


@dataclass
class LayerKernel:
    """A kernel call. x, other: the tensors it reads; as_it_is: x may be an image that lies as it came,
    (C,H,W).
    """

    label: str
    row: Row
    x: Tensor
    other: Tensor | None = None
    as_it_is: bool = False
    tallied: Tallied | None = None
    scratch: int = 0  # bytes of memory that a thread needs


RESHAPING = ("Reshape", "Flatten", "Squeeze", "Unsqueeze")
TURNED = (1, 4)  # bytes of the elements that a kernel can bring from (C,H,W) into (H,W,C)
# several, of which each makes a part
Builder = Callable[[Node, Chain, Context], LayerKernel | list[LayerKernel] | None]
Image = tuple[int, int, int]


def image(tensor: Tensor, slots: Slots) -> Image | None:
    """(H,W,C) of a tensor whose images, one for each index of its first axis, a kernel can be given; rows of
    numbers (..., C) are an image W=1 wide. None for others, among them images without elements.
    """
    parts, shape = slots.parts(tensor), tensor.shape
    if not parts or len(shape) < 2:
        return None
    if len(shape) == 4:
        return (
            (shape[2], shape[3], shape[1])
            if lies_channels_last(tensor) or tensor.dtype.itemsize in TURNED
            else None
        )
    return parts // shape[-1], 1, shape[-1]


def window_of(op: object, kernel: tuple[int, ...]) -> Window:
    names = ("strides", "dilations", "pads_begin", "pads_end")
    return Window((kernel[0], kernel[1]), *((v[0], v[1]) for v in (getattr(op, name) for name in names)))


def activation(chain: Chain) -> tuple[float, float]:
    """Bounds of a fused ReLU or Clamp; infinite ones if there is none."""
    node = chain.take("ReLU", "Clamp")
    if node is None:
        return -np.inf, np.inf
    return (0.0, np.inf) if node.type == "ReLU" else (node.op.min, node.op.max)  # type: ignore[attr-defined]


def max_pool(node: Node, chain: Chain, context: Context) -> LayerKernel | None:
    x, op = node.inputs[0], node.op
    seen, made = image(x, context.slots), image(node.outputs[0], context.slots)
    if len(x.shape) != 4 or x.dtype not in (np.uint8, np.float32) or seen is None or made is None:
        return None
    row = Row(Kernel.MAX_POOL_U if x.dtype == np.uint8 else Kernel.MAX_POOL_F)
    row.shapes(seen, made)
    row.write("window", window_of(op, op.kernel))  # type: ignore[attr-defined]
    return LayerKernel("max pool", row, x)


def average_pool(node: Node, chain: Chain, context: Context) -> LayerKernel | None:
    """Build the step for a float model only: where codes follow, the definition's order of summation decides
    ties.
    """
    if context.graph.of_type("Quantize"):
        return None
    kind = MEAN_INSIDE if node.op.exclude_pad else MEAN_OF_ALL  # type: ignore[attr-defined]
    return _float_pool("average pool", kind, node, context)


def sum_pool(node: Node, chain: Chain, context: Context) -> LayerKernel | None:
    """Build the step for code values only: these are whole numbers, whose sums below 2**24 are exact in any
    order.
    """
    if not are_code_values(node.inputs[0]) or math.prod(node.op.kernel) * 255 >= 2**24:  # type: ignore[attr-defined]
        return None
    return _float_pool("sum pool", SUM, node, context)


def _float_pool(label: str, kind: int, node: Node, context: Context) -> LayerKernel | None:
    x, op = node.inputs[0], node.op
    seen, made = image(x, context.slots), image(node.output, context.slots)
    if len(x.shape) != 4 or x.dtype != np.float32 or seen is None or made is None:
        return None
    row = Row(Kernel.AVERAGE_POOL, flag=kind)
    row.shapes(seen, made)
    window = Window(op.kernel, op.strides, (1, 1), op.pads_begin, op.pads_end)  # type: ignore[attr-defined]
    row.write("window", window)
    return LayerKernel(label, row, x)


def are_code_values(tensor: Tensor) -> bool:
    """Dequantize(codes, 1, zero point): codes as floats."""
    node = tensor.producer
    if node.type != "Dequantize" or len(node.inputs) != 3 or node.inputs[0].dtype != np.uint8:
        return False
    scale, zero = (t.constant for t in node.inputs[1:])
    return scale is not None and zero is not None and scale.size == zero.size == 1 and bool(scale == 1)


def leaves_memory(node: Node, context: Context) -> bool:
    """Whether an operator only gives the same memory another shape."""
    if node.type not in RESHAPING:
        return False
    x, y = node.inputs[0], node.output
    return all(_is_flat(t) or not (len(t.shape) == 4 and lies_channels_last(t)) for t in (x, y))


def _is_flat(tensor: Tensor) -> bool:
    """Whether (C,H,W) and (H,W,C) are the same memory."""
    return len(tensor.shape) == 4 and (tensor.shape[1] == 1 or tensor.shape[2:] == (1, 1))
