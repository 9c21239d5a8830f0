"""Asinh: the inverse of the hyperbolic sine (OpenVINO Asinh-4)."""

import numpy as np

from ..dtypes import FLOATS
from .common.operator import Operator, operator


@operator("Asinh")
class Asinh(Operator):
    accepts = FLOATS

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return np.arcsinh(x)
