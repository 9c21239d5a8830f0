"""Cosh: the hyperbolic cosine (OpenVINO Cosh-1)."""

import numpy as np

from ..dtypes import FLOATS
from .common.operator import Operator, operator


@operator("Cosh")
class Cosh(Operator):
    accepts = FLOATS

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return np.cosh(x)
