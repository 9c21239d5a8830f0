"""Select: `then` where the condition is true, `otherwise` elsewhere, with broadcasting (OpenVINO Select-1;
ONNX Where).
"""

import numpy as np

from ..dtypes import BOOL, NAMES, DType
from .common.broadcasting import Elementwise
from .common.operator import OperatorError, operator


@operator("Select")
class Select(Elementwise):
    computes_on_codes = True

    def infer_dtype(self, condition: DType, then: DType, otherwise: DType) -> DType:
        if condition != BOOL:
            raise OperatorError(f"the condition must be boolean, found {NAMES[condition]}")
        return super().infer_dtype(then, otherwise)

    def evaluate(self, condition: np.ndarray, then: np.ndarray, otherwise: np.ndarray) -> np.ndarray:
        return np.where(condition, then, otherwise)
