"""IsInf: true where x is infinite, above zero or below, as asked for (OpenVINO IsInf-10)."""

import numpy as np

from ..dtypes import BOOL, FLOATS, DType
from .common.operator import Operator, operator


@operator("IsInf")
class IsInf(Operator):
    detect_negative: bool = True
    detect_positive: bool = True

    accepts = FLOATS

    def infer_dtype(self, x: DType) -> DType:
        super().infer_dtype(x)
        return BOOL

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        negative = np.isneginf(x) & self.detect_negative
        return negative | (np.isposinf(x) & self.detect_positive)
