"""Constant: an array that belongs to the model (OpenVINO Constant-1)."""

import numpy as np

from ..dtypes import DType
from .common.operator import Operator, Shape, operator


@operator("Constant")
class Constant(Operator):
    value: np.ndarray  # in a file: a span of the .bin, mapped and not copied

    def infer_shape(self) -> Shape:
        return self.value.shape

    def infer_dtype(self) -> DType:
        return self.value.dtype

    def evaluate(self) -> np.ndarray:
        return self.value

    def __eq__(self, other: object) -> bool:
        """Same type, shape and bytes: two NaNs with the same bits are equal here, 0.0 and -0.0 are not."""
        return (
            isinstance(other, Constant)
            and self.value.dtype == other.value.dtype
            and self.value.shape == other.value.shape
            and self.value.tobytes() == other.value.tobytes()
        )

    def __hash__(self) -> int:
        return hash((self.value.dtype, self.value.shape))
