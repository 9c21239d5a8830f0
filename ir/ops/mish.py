"""Mish: x * tanh(SoftPlus(x)) (OpenVINO Mish-4)."""

import numpy as np

from ..dtypes import FLOATS
from .common.operator import Operator, operator
from .softplus import softplus


@operator("Mish")
class Mish(Operator):
    accepts = FLOATS
    keeps_to_a_sample = True

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return x * np.tanh(softplus(x))
