"""NotEqual: whether a != b, with broadcasting (OpenVINO NotEqual-1)."""

import numpy as np

from .common.comparison import Comparison
from .common.operator import operator


@operator("NotEqual")
class NotEqual(Comparison):
    def evaluate(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return a != b
