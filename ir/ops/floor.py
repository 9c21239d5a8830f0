"""Floor: the largest whole number not above x (OpenVINO Floor-1)."""

import numpy as np

from ..dtypes import NUMBERS
from .common.operator import Operator, operator


@operator("Floor")
class Floor(Operator):
    accepts = NUMBERS

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return np.floor(x)
