"""MultiplyAdd: x * a + b, rounded once, as fused multiply-add instructions do it (IEEE 754 fusedMultiplyAdd;
ours).
"""

import numpy as np

from numpot.kernels.reference import fused_multiply_add

from ..dtypes import F32
from .common.operator import Operator, Shape, operator
from .common.quantization import check_parameters


@operator("MultiplyAdd")
class MultiplyAdd(Operator):
    accepts = (F32,)

    def infer_shape(self, x: Shape, a: Shape, b: Shape) -> Shape:
        return check_parameters(x, a, b)

    def evaluate(self, x: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """f32 -> f32, same shape. a, b: one number or anything that broadcasts onto x."""
        return fused_multiply_add(x, a, b)
