"""Maximum: the larger of a and b, with broadcasting (OpenVINO Maximum-1)."""

import numpy as np

from ..dtypes import NUMBERS
from .broadcasting import Elementwise
from .registry import operator


@operator("Maximum")
class Maximum(Elementwise):
    accepts = NUMBERS

    def evaluate(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.maximum(a, b)
