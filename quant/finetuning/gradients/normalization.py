"""Normalizations: batch norm by stored statistics is affine; the others divide by what they themselves
measure, which depends on x too.
"""

import numpy as np

from numpot.ir.ops.common.axes import integers

from .registry import Call, Gradients, gradient


@gradient("BatchNormInference")
def batch_norm(call: Call, dy: np.ndarray) -> Gradients:
    """Return the gradient of x alone, because only weights and biases are trained."""
    x, gamma, _, _, variance = call.inputs
    scale = gamma / np.sqrt(variance + variance.dtype.type(call.op.epsilon))
    return [dy * scale.reshape(-1, *(1,) * (x.ndim - 2))]


@gradient("MVN")
def mvn(call: Call, dy: np.ndarray) -> Gradients:
    """y = c / d, with c = x - mean(x) and d the deviation of x."""
    (x, axes), op = call.inputs, call.op
    along = integers(axes, "axes")

    def mean(a: np.ndarray) -> np.ndarray:
        return a.mean(axis=along, keepdims=True)

    centered = dy - mean(dy)
    if not op.normalize_variance:
        return [centered]
    c, eps = x - mean(x), x.dtype.type(op.eps)
    variance = mean(np.square(c))
    root = np.sqrt(variance + eps) if op.eps_mode == "inside_sqrt" else np.sqrt(variance)
    deviation = root if op.eps_mode == "inside_sqrt" else root + eps
    safe_root = np.where(root > 0, root, 1)  # where it is zero, c is too
    return [(centered - c * mean(dy * c) / (safe_root * deviation)) / deviation]


@gradient("NormalizeL2")
def normalize_l2(call: Call, dy: np.ndarray) -> Gradients:
    """y = x / r, with r the length along the axes."""
    (x, axes), op = call.inputs, call.op
    along, eps = integers(axes, "axes"), x.dtype.type(op.eps)
    squares = np.square(x).sum(axis=along, keepdims=True)
    length = np.sqrt(squares + eps if op.eps_mode == "add" else np.maximum(squares, eps))
    # below eps the length is fixed
    depends = np.ones_like(squares) if op.eps_mode == "add" else (squares > eps).astype(x.dtype)
    turned = x * (dy * x).sum(axis=along, keepdims=True) / np.square(length)
    return [(dy - depends * turned) / length]
