"""Abs: x without its sign (OpenVINO Abs-1)."""

import numpy as np

from ..dtypes import NUMBERS
from .common.operator import Operator, operator


@operator("Abs")
class Abs(Operator):
    accepts = NUMBERS
    keeps_to_a_sample = True

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return np.abs(x)
