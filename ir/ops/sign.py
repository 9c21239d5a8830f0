"""Sign: 1 above zero, -1 below, 0 at zero (OpenVINO Sign-1)."""

import numpy as np

from ..dtypes import NUMBERS
from .common.operator import Operator, operator


@operator("Sign")
class Sign(Operator):
    accepts = NUMBERS

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return np.sign(x)
