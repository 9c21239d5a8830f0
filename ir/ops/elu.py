"""Elu: x above zero, alpha * (e^x - 1) below (OpenVINO Elu-1)."""

import numpy as np

from ..dtypes import FLOATS
from .common.operator import Operator, operator


@operator("Elu")
class Elu(Operator):
    alpha: float

    accepts = FLOATS
    keeps_to_a_sample = True

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return np.where(x > 0, x, x.dtype.type(self.alpha) * np.expm1(np.minimum(x, 0)))
