"""Ceiling: the smallest whole number not below x (OpenVINO Ceiling-1)."""

import numpy as np

from ..dtypes import NUMBERS
from .common.operator import Operator, operator


@operator("Ceiling")
class Ceiling(Operator):
    accepts = NUMBERS

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return np.ceil(x)
