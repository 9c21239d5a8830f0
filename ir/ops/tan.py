"""Tan: the tangent of an angle in radians (OpenVINO Tan-1)."""

import numpy as np

from ..dtypes import FLOATS
from .common.operator import Operator, operator


@operator("Tan")
class Tan(Operator):
    accepts = FLOATS

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return np.tan(x)
