"""Sqrt: the square root; NaN below zero (OpenVINO Sqrt-1)."""

import numpy as np

from ..dtypes import FLOATS
from .common.operator import Operator, operator


@operator("Sqrt")
class Sqrt(Operator):
    accepts = FLOATS
    keeps_to_a_sample = True

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return np.sqrt(x)
