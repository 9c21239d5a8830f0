"""LogicalAnd: a and b, with broadcasting (OpenVINO LogicalAnd-1)."""

import numpy as np

from ..dtypes import BOOL
from .common.broadcasting import Elementwise
from .common.operator import operator


@operator("LogicalAnd")
class LogicalAnd(Elementwise):
    accepts = (BOOL,)

    def evaluate(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return a & b
