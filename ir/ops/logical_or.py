"""LogicalOr: a or b, with broadcasting (OpenVINO LogicalOr-1)."""

import numpy as np

from ..dtypes import BOOL
from .broadcasting import Elementwise
from .registry import operator


@operator("LogicalOr")
class LogicalOr(Elementwise):
    accepts = (BOOL,)

    def evaluate(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return a | b
