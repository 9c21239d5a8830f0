"""LogicalNot: true where x is false (OpenVINO LogicalNot-1)."""

import numpy as np

from ..dtypes import BOOL
from .common.operator import Operator, operator


@operator("LogicalNot")
class LogicalNot(Operator):
    accepts = (BOOL,)

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return ~x
