"""GreaterEqual: whether a >= b, with broadcasting (OpenVINO GreaterEqual-1)."""

import numpy as np

from .comparison import Comparison
from .registry import operator


@operator("GreaterEqual")
class GreaterEqual(Comparison):
    def evaluate(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return a >= b
