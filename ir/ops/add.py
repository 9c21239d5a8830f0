"""Add: a + b, with broadcasting (OpenVINO Add-1)."""

import numpy as np

from ..dtypes import NUMBERS
from .broadcasting import Elementwise
from .registry import operator


@operator("Add")
class Add(Elementwise):
    accepts = NUMBERS

    def evaluate(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return a + b
