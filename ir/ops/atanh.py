"""Atanh: the inverse of the hyperbolic tangent; NaN outside [-1, 1] (OpenVINO Atanh-4)."""

import numpy as np

from ..dtypes import FLOATS
from .common.operator import Operator, operator


@operator("Atanh")
class Atanh(Operator):
    accepts = FLOATS

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return np.arctanh(x)
