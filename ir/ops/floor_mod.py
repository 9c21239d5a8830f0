"""FloorMod: what a / b rounded down leaves over; it has the sign of b (OpenVINO FloorMod-1)."""

import numpy as np

from ..dtypes import NUMBERS
from .common.broadcasting import Elementwise
from .common.operator import operator


@operator("FloorMod")
class FloorMod(Elementwise):
    accepts = NUMBERS

    def evaluate(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.mod(a, b)
