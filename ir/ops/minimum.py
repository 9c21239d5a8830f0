"""Minimum: the smaller of a and b, with broadcasting (OpenVINO Minimum-1)."""

import numpy as np

from ..dtypes import NUMBERS
from .broadcasting import Elementwise
from .registry import operator


@operator("Minimum")
class Minimum(Elementwise):
    accepts = NUMBERS

    def evaluate(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.minimum(a, b)
