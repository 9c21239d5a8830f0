"""ShapeOf: the dimensions of a tensor, as a vector (OpenVINO ShapeOf-3)."""

import numpy as np

from ..dtypes import I64, DType
from .common.operator import Operator, Shape, operator


@operator("ShapeOf")
class ShapeOf(Operator):
    output_type: DType = I64

    def infer_shape(self, x: Shape) -> Shape:
        return (len(x),)

    def infer_dtype(self, x: DType) -> DType:
        return self.output_type

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return np.array(x.shape, self.output_type)
