"""Dequantize: codes or accumulators to real numbers, (x - zero_point) * scale (ours; ONNX
DequantizeLinear).
"""

import numpy as np

from ..dtypes import F32, I8, I32, NAMES, U8, DType
from .common.operator import Operator, OperatorError, Shape, operator
from .common.quantization import check_parameters


@operator("Dequantize")
class Dequantize(Operator):
    accepts = (U8, I8, I32)

    def infer_shape(self, x: Shape, scale: Shape, zero_point: Shape = ()) -> Shape:
        return check_parameters(x, scale, zero_point)

    def infer_dtype(self, x: DType, scale: DType, *zero_point: DType) -> DType:
        super().infer_dtype(x, *zero_point)  # a zero point is one of the codes
        if scale != F32:
            raise OperatorError(f"scale must be f32, found {NAMES[scale]}")
        return F32

    def evaluate(self, x: np.ndarray, scale: np.ndarray, zero_point: np.ndarray | None = None) -> np.ndarray:
        """u8, i8 or i32 -> f32, same shape. scale f32 and zero_point (of x's type) are one number or anything
        that broadcasts onto x.
        """
        codes = (
            x.astype(np.float32)
            if zero_point is None
            else x.astype(np.float32) - zero_point.astype(np.float32)
        )
        return codes * scale
