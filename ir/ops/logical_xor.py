"""LogicalXor: a or b but not both, with broadcasting (OpenVINO LogicalXor-1)."""

import numpy as np

from ..dtypes import BOOL
from .common.broadcasting import Elementwise
from .common.operator import operator


@operator("LogicalXor")
class LogicalXor(Elementwise):
    accepts = (BOOL,)

    def evaluate(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return a ^ b
