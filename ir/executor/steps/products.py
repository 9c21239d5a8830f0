"""Products of branches, products by constants, and hard sigmoids, as rows of a program: float32, as their
definitions compute them.
"""

import numpy as np

from numpot.kernels.program.step import Row
from numpot.kernels.program.step_kernels import Kernel
from numpot.kernels.tiles.epilogue import spread

from ...graph import Node
from . import elementwise
from .builder import Context, LayerKernel, image
from .fusion import Chain


def multiply(node: Node, chain: Chain, context: Context) -> LayerKernel | None:
    """The first step to codes (elementwise.py); or a product by constants, or of two branches, one of which
    may be (N,C,1,1).
    """
    made = elementwise.codes(node, chain, context) or affine(node, chain, context)
    if made is not None:
        return made
    y = node.output
    shape, shapes = image(y, context.slots), [image(t, context.slots) for t in node.inputs]
    if (
        shape is None
        or len(y.shape) != 4
        or any(t.dtype != np.float32 or t.shape[:1] != y.shape[:1] or len(t.shape) != 4 for t in node.inputs)
        or any(chain.constant(t) is not None for t in node.inputs)
    ):
        return None
    x, gate = node.inputs if shapes[0] == shape else node.inputs[::-1]
    seen, factors = (image(t, context.slots) for t in (x, gate))
    if seen != shape or factors not in (shape, (1, 1, shape[2])):
        return None
    row = Row(Kernel.PRODUCT, flag=int(factors != shape))
    row.shapes(shape, shape)
    return LayerKernel("product f32", row, x, gate)


def affine(node: Node, chain: Chain, context: Context) -> LayerKernel | None:
    """Subtract [-> Multiply], or Multiply, by constants, one or one for each channel."""
    shape, value = image(node.inputs[0], context.slots), chain.channel_vector(node.inputs[1], node.output)
    if (
        shape is None
        or value is None
        or node.output.dtype != np.float32
        or node.output.shape != node.inputs[0].shape
    ):
        return None
    zero, scale = (value, None) if node.type == "Subtract" else (np.zeros((), np.float32), value)
    if scale is None:
        (scale,) = chain.take_per_channel("Multiply") or [np.ones((), np.float32)]
    row = Row(Kernel.AFFINE)
    row.shapes(shape, shape)
    row.write("affine", {"multiplier": spread(scale, shape[2]), "shift": spread(zero, shape[2])})
    return LayerKernel("affine f32", row, node.inputs[0])


def hard(node: Node, chain: Chain, context: Context) -> LayerKernel | None:
    """HSigmoid and HSwish."""
    shape = image(node.output, context.slots)
    if shape is None or node.output.dtype != np.float32:
        return None
    row = Row(Kernel.HARD, flag=int(node.type == "HSwish"))
    row.shapes(shape, shape)
    return LayerKernel(f"{node.type} f32", row, node.inputs[0])
