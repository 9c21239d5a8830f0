"""Quantize: real numbers to codes, clip(rint(x * multiplier + shift), 0, levels - 1) (ours; ONNX
QuantizeLinear for shift 0).
"""

import numpy as np

from ..dtypes import F32, U8, DType
from .common.operator import Operator, Shape, operator
from .common.quantization import check_levels, check_parameters, quantize


@operator("Quantize")
class Quantize(Operator):
    levels: int = 256

    accepts = (F32,)

    def infer_shape(self, x: Shape, multiplier: Shape, shift: Shape) -> Shape:
        check_levels(self.levels, most=256)
        return check_parameters(x, multiplier, shift)

    def infer_dtype(self, *dtypes: DType) -> DType:
        super().infer_dtype(*dtypes)  # all float32
        return U8

    def evaluate(self, x: np.ndarray, multiplier: np.ndarray, shift: np.ndarray) -> np.ndarray:
        """f32 -> u8, same shape. multiplier, shift: f32, one number or anything that broadcasts onto x."""
        return quantize(x, multiplier, shift, self.levels).astype(np.uint8)
