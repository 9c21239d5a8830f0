"""Negative: -x (OpenVINO Negative-1)."""

import numpy as np

from ..dtypes import NUMBERS
from .common.operator import Operator, operator


@operator("Negative")
class Negative(Operator):
    accepts = NUMBERS
    keeps_to_a_sample = True

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return -x
