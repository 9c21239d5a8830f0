"""Interpolate as a row of a program: the operator's own tables of what each output position sees, along the
lines and along the columns.
"""

import numpy as np

from numpot.kernels.layers.resize import Taps
from numpot.kernels.program.step import Row
from numpot.kernels.program.step_kernels import Kernel

from ...graph import Node
from ...ops.common.axes import normalize_axis
from ...ops.interpolate import Interpolate, Resize
from .builder import Context, LayerKernel, image
from .fusion import Chain


def interpolate(node: Node, chain: Chain, context: Context) -> LayerKernel | None:
    """Build the step for an image's height and width, in this order, in which the sums are rounded; mode
    nearest moves elements of any type.
    """
    x, op = node.inputs[0], node.op
    assert isinstance(op, Interpolate)
    target, axes = (chain.constant(t) for t in node.inputs[1:])
    seen, made = image(x, context.slots), image(node.output, context.slots)
    if len(x.shape) != 4 or seen is None or made is None or target is None or axes is None:
        return None
    order = [normalize_axis(int(axis), 4) for axis in axes]
    if not set(order) <= {2, 3} or order != sorted(order) or (op.mode != "nearest" and x.dtype != np.float32):
        return None
    found = {resize.axis: _taps(op, resize) for resize in op.resizes(x.shape, target, axes)}
    rows, columns = (found.get(axis) or _unchanged(x.shape[axis]) for axis in (2, 3))
    size = x.dtype.itemsize if op.mode == "nearest" else 1  # pixels are moved as bytes
    row = Row(Kernel.RESIZE_CHOSEN if op.mode == "nearest" else Kernel.RESIZE_WEIGHTED)
    row.shapes((*seen[:2], seen[2] * size), (*made[:2], made[2] * size))
    row.write("rows", rows)
    row.write("columns", columns)
    return LayerKernel(f"resize {op.mode}", row, x)


def _taps(op: Interpolate, resize: Resize) -> Taps:
    coordinates = op.coordinates(resize)
    if op.mode == "nearest":
        return _chosen(op.nearest(coordinates, resize))
    indices, weights = op.neighbours(coordinates, resize.size)
    return Taps(np.ascontiguousarray(indices, np.int64), np.ascontiguousarray(weights, np.float32))


def _unchanged(size: int) -> Taps:
    return _chosen(np.arange(size))


def _chosen(indices: np.ndarray) -> Taps:
    return Taps(np.ascontiguousarray(indices[:, None], np.int64), np.ones((len(indices), 1), np.float32))
