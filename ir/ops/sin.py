"""Sin: the sine of an angle in radians (OpenVINO Sin-1)."""

import numpy as np

from ..dtypes import FLOATS
from .common.operator import Operator, operator


@operator("Sin")
class Sin(Operator):
    accepts = FLOATS

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return np.sin(x)
