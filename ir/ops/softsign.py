"""SoftSign: x / (1 + |x|) (OpenVINO SoftSign-9)."""

import numpy as np

from ..dtypes import FLOATS
from .common.operator import Operator, operator


@operator("SoftSign")
class SoftSign(Operator):
    accepts = FLOATS

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return x / (x.dtype.type(1) + np.abs(x))
