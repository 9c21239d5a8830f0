"""Sinh: the hyperbolic sine (OpenVINO Sinh-1)."""

import numpy as np

from ..dtypes import FLOATS
from .common.operator import Operator, operator


@operator("Sinh")
class Sinh(Operator):
    accepts = FLOATS

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return np.sinh(x)
