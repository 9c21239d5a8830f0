"""Exp: e to the x (OpenVINO Exp-1)."""

import numpy as np

from ..dtypes import FLOATS
from .common.operator import Operator, operator


@operator("Exp")
class Exp(Operator):
    accepts = FLOATS
    keeps_to_a_sample = True

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return np.exp(x)
