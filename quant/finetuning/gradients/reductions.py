"""Reductions: what comes back is stretched over what was reduced; of a largest or smallest element, over
those alone that are it.
"""

import numpy as np

from numpot.ir.ops.common.axes import integers

from .registry import Call, Gradients, gradient


def _stretched(call: Call, y: np.ndarray) -> np.ndarray:
    """(of the output's shape) -> (of the input's shape), without copying."""
    x, axes = call.inputs
    kept = np.ones(x.ndim, bool)
    kept[list(integers(axes, "axes"))] = False
    shape = tuple(d if keep else 1 for d, keep in zip(x.shape, kept, strict=True))
    return np.broadcast_to(y.reshape(shape), x.shape)


@gradient("ReduceSum")
def reduce_sum(call: Call, dy: np.ndarray) -> Gradients:
    return [_stretched(call, dy)]


@gradient("ReduceMean")
def reduce_mean(call: Call, dy: np.ndarray) -> Gradients:
    return [_stretched(call, dy / (call.inputs[0].size / dy.size))]


@gradient("ReduceMax", "ReduceMin")
def reduce_extreme(call: Call, dy: np.ndarray) -> Gradients:
    """Equals share."""
    chosen = call.inputs[0] == _stretched(call, call.outputs[0])
    count = chosen.sum(axis=integers(call.inputs[1], "axes")).reshape(dy.shape).astype(dy.dtype)
    return [chosen * _stretched(call, dy / count)]
