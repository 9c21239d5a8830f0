"""Clamp: every element kept within [min, max]; ReLU6 is Clamp(0, 6) (OpenVINO Clamp-1)."""

import numpy as np

from ..dtypes import FLOATS
from .registry import Operator, operator


@operator("Clamp")
class Clamp(Operator):
    min: float
    max: float

    accepts = FLOATS

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return np.clip(x, x.dtype.type(self.min), x.dtype.type(self.max))
