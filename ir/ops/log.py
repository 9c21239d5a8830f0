"""Log: the natural logarithm; NaN below zero (OpenVINO Log-1)."""

import numpy as np

from ..dtypes import FLOATS
from .common.operator import Operator, operator


@operator("Log")
class Log(Operator):
    accepts = FLOATS
    keeps_to_a_sample = True

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return np.log(x)
