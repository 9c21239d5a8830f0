"""Power: a to the b, with broadcasting (OpenVINO Power-1)."""

import numpy as np

from ..dtypes import FLOATS
from .broadcasting import Elementwise
from .registry import operator


@operator("Power")
class Power(Elementwise):
    accepts = FLOATS

    def evaluate(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.power(a, b)
