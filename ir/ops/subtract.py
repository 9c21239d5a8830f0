"""Subtract: a - b, with broadcasting (OpenVINO Subtract-1)."""

import numpy as np

from ..dtypes import NUMBERS
from .common.broadcasting import Elementwise
from .common.operator import operator


@operator("Subtract")
class Subtract(Elementwise):
    accepts = NUMBERS
    keeps_to_a_sample = True

    def evaluate(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return a - b
