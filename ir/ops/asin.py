"""Asin: the angle whose sine is x, in [-pi/2, pi/2]; NaN outside [-1, 1] (OpenVINO Asin-1)."""

import numpy as np

from ..dtypes import FLOATS
from .common.operator import Operator, operator


@operator("Asin")
class Asin(Operator):
    accepts = FLOATS

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return np.arcsin(x)
