"""Power: a to the b, with broadcasting (OpenVINO Power-1)."""

import numpy as np

from ..dtypes import NUMBERS
from .common.broadcasting import Elementwise
from .common.operator import operator


@operator("Power")
class Power(Elementwise):
    accepts = NUMBERS
    keeps_to_a_sample = True

    def evaluate(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Compute a ** b; for integers with a negative exponent the whole part: 1 or -1 if the base is 1 or
        -1, else 0.
        """
        if a.dtype.kind == "f":
            return np.power(a, b)
        inverse = np.where(a * a == 1, np.power(a, b & 1), 0)
        return np.where(b < 0, inverse, np.power(a, np.maximum(b, 0)))
