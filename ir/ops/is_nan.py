"""IsNaN: true where x is no number (OpenVINO IsNaN-10)."""

import numpy as np

from ..dtypes import BOOL, FLOATS, DType
from .common.operator import Operator, operator


@operator("IsNaN")
class IsNaN(Operator):
    accepts = FLOATS

    def infer_dtype(self, x: DType) -> DType:
        super().infer_dtype(x)
        return BOOL

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return np.isnan(x)
