"""Abs: x without its sign (OpenVINO Abs-1)."""

import numpy as np

from ..dtypes import NUMBERS
from .common.operator import Operator, operator


@operator("Abs")
class Abs(Operator):
    accepts = NUMBERS

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return np.abs(x)
