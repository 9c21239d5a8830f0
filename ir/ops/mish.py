"""Mish: x * tanh(SoftPlus(x)) (OpenVINO Mish-4)."""

import numpy as np

from ..dtypes import FLOATS
from .common.operator import Operator, operator
from .softplus import softplus


@operator("Mish")
class Mish(Operator):
    accepts = FLOATS

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return x * np.tanh(softplus(x))
