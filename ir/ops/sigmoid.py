"""Sigmoid: 1 / (1 + e^-x) (OpenVINO Sigmoid-1)."""

import numpy as np

from ..dtypes import FLOATS
from .common.functions import sigmoid
from .common.operator import Operator, operator


@operator("Sigmoid")
class Sigmoid(Operator):
    accepts = FLOATS
    keeps_to_a_sample = True

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return sigmoid(x)
