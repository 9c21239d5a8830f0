"""MatMul: matrix product over the last two axes, broadcasting over the others (OpenVINO MatMul-1)."""

import math

import numpy as np

from ..dtypes import FLOATS
from .common.broadcasting import broadcast_shapes
from .common.operator import Operator, OperatorError, Shape, operator


@operator("MatMul")
class MatMul(Operator):
    transpose_a: bool = False
    transpose_b: bool = False

    accepts = FLOATS
    keeps_to_a_sample = True

    def infer_shape(self, a: Shape, b: Shape) -> Shape:
        return matmul_shape(a, b, self.transpose_a, self.transpose_b)

    def evaluate(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """(...,M,K), (...,K,N) -> (...,M,N), summed in float32; a vector is a row as `a`, a column as `b`,
        and is never transposed.
        """
        left = (
            a.astype(np.float32).swapaxes(-2, -1) if self.transpose_a and a.ndim > 1 else a.astype(np.float32)
        )
        right = (
            b.astype(np.float32).swapaxes(-2, -1) if self.transpose_b and b.ndim > 1 else b.astype(np.float32)
        )
        return np.asarray(left @ right, a.dtype)

    def workspace(self, inputs: list[Shape], outputs: list[Shape]) -> int:
        return sum(map(math.prod, inputs + outputs))

    def operations(self, inputs: list[Shape], outputs: list[Shape]) -> int:
        return matmul_operations(inputs[0], outputs[0], self.transpose_a)


def matmul_operations(a: Shape, product: Shape, transpose_a: bool) -> int:
    """Multiplications."""
    return math.prod(product) * (a[-2] if transpose_a and len(a) > 1 else a[-1])


def matmul_shape(a: Shape, b: Shape, transpose_a: bool, transpose_b: bool) -> Shape:
    """The shape of the product of tensors of at least one dimension."""
    if not a or not b:
        raise OperatorError(
            f"a matrix product needs at least one dimension each, found {list(a)} and {list(b)}"
        )
    rows, depth = (1, a[0]) if len(a) == 1 else (a[-1], a[-2]) if transpose_a else (a[-2], a[-1])
    other, columns = (b[0], 1) if len(b) == 1 else (b[-1], b[-2]) if transpose_b else (b[-2], b[-1])
    if depth != other:
        raise OperatorError(
            f"a matrix product sums over one size, found {depth} (of {list(a)}) and {other} (of {list(b)})"
        )
    batch = broadcast_shapes(a[:-2], b[:-2])
    return (*batch, *((rows,) if len(a) > 1 else ()), *((columns,) if len(b) > 1 else ()))
