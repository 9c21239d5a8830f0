"""Add: a + b, with broadcasting (OpenVINO Add-1)."""

import numpy as np

from ..dtypes import NUMBERS
from .common.broadcasting import Elementwise
from .common.operator import operator


@operator("Add")
class Add(Elementwise):
    accepts = NUMBERS
    keeps_to_a_sample = True

    def evaluate(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return a + b
