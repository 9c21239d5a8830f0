"""Acosh: the inverse of the hyperbolic cosine; NaN below 1 (OpenVINO Acosh-4)."""

import numpy as np

from ..dtypes import FLOATS
from .common.operator import Operator, operator


@operator("Acosh")
class Acosh(Operator):
    accepts = FLOATS

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return np.arccosh(x)
