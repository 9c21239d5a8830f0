"""LessEqual: whether a <= b, with broadcasting (OpenVINO LessEqual-1)."""

import numpy as np

from .comparison import Comparison
from .registry import operator


@operator("LessEqual")
class LessEqual(Comparison):
    def evaluate(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return a <= b
