"""LogicalAnd: a and b, with broadcasting (OpenVINO LogicalAnd-1)."""

import numpy as np

from ..dtypes import BOOL
from .broadcasting import Elementwise
from .registry import operator


@operator("LogicalAnd")
class LogicalAnd(Elementwise):
    accepts = (BOOL,)

    def evaluate(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return a & b
