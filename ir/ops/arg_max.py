"""ArgMax: where the largest element along an axis is (ONNX ArgMax)."""

import numpy as np

from ..dtypes import I64, DType
from .common.axes import normalize_axis
from .common.operator import Operator, OperatorError, Shape, operator


@operator("ArgMax")
class ArgMax(Operator):
    axis: int = 0
    keep_dims: bool = True
    select_last_index: bool = False  # of several largest elements; else the first

    def infer_shape(self, x: Shape) -> Shape:
        axis = normalize_axis(self.axis, len(x))
        if not x[axis]:
            raise OperatorError(f"axis {axis} of shape {list(x)} is empty and has no largest element")
        return x[:axis] + ((1,) if self.keep_dims else ()) + x[axis + 1 :]

    def infer_dtype(self, x: DType) -> DType:
        return I64

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        if self.select_last_index:
            return (
                x.shape[self.axis]
                - 1
                - np.argmax(np.flip(x, self.axis), axis=self.axis, keepdims=self.keep_dims)
            )
        return np.argmax(x, axis=self.axis, keepdims=self.keep_dims)
