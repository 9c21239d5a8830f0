"""Acos: the angle whose cosine is x, in [0, pi]; NaN outside [-1, 1] (OpenVINO Acos-1)."""

import numpy as np

from ..dtypes import FLOATS
from .common.operator import Operator, operator


@operator("Acos")
class Acos(Operator):
    accepts = FLOATS

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return np.arccos(x)
