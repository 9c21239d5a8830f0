"""Minimum: the smaller of a and b, with broadcasting (OpenVINO Minimum-1)."""

import numpy as np

from ..dtypes import NUMBERS
from .common.broadcasting import Elementwise
from .common.operator import operator


@operator("Minimum")
class Minimum(Elementwise):
    accepts = NUMBERS

    def evaluate(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.minimum(a, b)
