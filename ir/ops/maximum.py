"""Maximum: the larger of a and b, with broadcasting (OpenVINO Maximum-1)."""

import numpy as np

from ..dtypes import NUMBERS
from .common.broadcasting import Elementwise
from .common.operator import operator


@operator("Maximum")
class Maximum(Elementwise):
    accepts = NUMBERS
    computes_on_codes = True
    keeps_to_a_sample = True

    def evaluate(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.maximum(a, b)
