"""Atan: the angle whose tangent is x, in [-pi/2, pi/2] (OpenVINO Atan-1)."""

import numpy as np

from ..dtypes import FLOATS
from .common.operator import Operator, operator


@operator("Atan")
class Atan(Operator):
    accepts = FLOATS

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return np.arctan(x)
