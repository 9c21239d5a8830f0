"""Subtract: a - b, with broadcasting (OpenVINO Subtract-1)."""

import numpy as np

from ..dtypes import NUMBERS
from .broadcasting import Elementwise
from .registry import operator


@operator("Subtract")
class Subtract(Elementwise):
    accepts = NUMBERS

    def evaluate(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return a - b
