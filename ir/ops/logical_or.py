"""LogicalOr: a or b, with broadcasting (OpenVINO LogicalOr-1)."""

import numpy as np

from ..dtypes import BOOL
from .common.broadcasting import Elementwise
from .common.operator import operator


@operator("LogicalOr")
class LogicalOr(Elementwise):
    accepts = (BOOL,)

    def evaluate(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return a | b
