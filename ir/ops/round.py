"""Round: the nearest whole number, halves to the even one (OpenVINO Round-5, mode half_to_even)."""

import numpy as np

from ..dtypes import FLOATS
from .common.operator import Operator, operator


@operator("Round")
class Round(Operator):
    accepts = FLOATS

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return np.rint(x)
