"""MatMul: each factor's gradient is the other factor times what comes back (docs/finetuning.md).

    matrix product Y = A B: dA = dY B',   dB = A' dY                                         (T5)

dY is the gradient of the loss at Y, and B' the transpose of B. Summed over the axes along which a factor was
broadcast.
"""

import numpy as np

from numpot.ir.ops.matmul import MatMul

from .registry import Call, Gradients, forward, gradient, unbroadcast


@forward("MatMul")
def multiply(op: MatMul, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(...,M,K), (...,K,N) -> (...,M,N)."""
    left, right = _matrices(op, a, b)
    return (left @ right).reshape(op.infer_shape(a.shape, b.shape))


@gradient("MatMul")
def matmul(call: Call, dy: np.ndarray) -> Gradients:
    a, b = call.inputs
    left, right = _matrices(call.op, a, b)
    dy = dy.reshape(*np.broadcast_shapes(left.shape[:-2], right.shape[:-2]), left.shape[-2], right.shape[-1])
    return [
        _back(dy @ right.swapaxes(-1, -2), left, a, call.op.transpose_a) if call.wanted[0] else None,
        _back(left.swapaxes(-1, -2) @ dy, right, b, call.op.transpose_b) if call.wanted[1] else None,
    ]


def _matrices(op: MatMul, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The two factors as they are multiplied; a vector is a row as `a` and a column as `b`, and is never
    transposed.
    """
    left = a[None] if a.ndim == 1 else a.swapaxes(-1, -2) if op.transpose_a else a
    right = b[:, None] if b.ndim == 1 else b.swapaxes(-1, -2) if op.transpose_b else b
    return left, right


def _back(gradient: np.ndarray, factor: np.ndarray, given: np.ndarray, transposed: bool) -> np.ndarray:
    """From the factor as it was multiplied to the input as it was given."""
    gradient = unbroadcast(gradient, factor.shape)
    return gradient.swapaxes(-1, -2) if transposed and given.ndim > 1 else gradient.reshape(given.shape)
