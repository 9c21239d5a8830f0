"""Cos: the cosine of an angle in radians (OpenVINO Cos-1)."""

import numpy as np

from ..dtypes import FLOATS
from .common.operator import Operator, operator


@operator("Cos")
class Cos(Operator):
    accepts = FLOATS

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return np.cos(x)
