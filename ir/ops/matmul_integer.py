"""MatMulInteger: matrix product of codes with int8 weights, summed in int32 (ours; ONNX MatMulInteger when
exact).
"""

import math

import numpy as np

from numpot.kernels import reference

from .common.integer_arithmetic import IntegerProduct, require_block
from .common.operator import OperatorError, Shape, operator
from .matmul import matmul_operations, matmul_shape


@operator("MatMulInteger")
class MatMulInteger(IntegerProduct):
    transpose_b: bool = False
    block: int = 0  # saturating: no pair crosses the end of a block of so many products; 0: all are one block

    def infer_shape(self, x: Shape, w: Shape, x_zero_point: Shape) -> Shape:
        if len(w) != 2 or math.prod(x_zero_point) != 1:
            raise OperatorError(
                f"w must have 2 dimensions and x_zero_point 1 element, found shapes {list(w)} and "
                f"{list(x_zero_point)}"
            )
        require_block(self.block)
        return matmul_shape(x, w, False, self.transpose_b)

    def evaluate(self, x: np.ndarray, w: np.ndarray, x_zero_point: np.ndarray) -> np.ndarray:
        """(...,K) u8, (K,N) i8 (or (N,K), transposed) -> (...,N) i32: sum of (x - x_zero_point) * w.
        x_zero_point: u8, one code.
        """
        matrix = w.T if self.transpose_b else w
        rows = x.reshape(math.prod(x.shape[:-1]), x.shape[-1])
        sums = reference.GEMM[self.arithmetic](rows, matrix, x_zero_point.item(), self.block)
        return sums.reshape(*x.shape[:-1], matrix.shape[1])

    def workspace(self, inputs: list[Shape], outputs: list[Shape]) -> int:
        return sum(map(math.prod, inputs + outputs))

    def operations(self, inputs: list[Shape], outputs: list[Shape]) -> int:
        return matmul_operations(inputs[0], outputs[0], False)
