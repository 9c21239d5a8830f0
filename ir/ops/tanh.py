"""Tanh: the hyperbolic tangent (OpenVINO Tanh-1)."""

import numpy as np

from ..dtypes import FLOATS
from .common.operator import Operator, operator


@operator("Tanh")
class Tanh(Operator):
    accepts = FLOATS

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return np.tanh(x)
