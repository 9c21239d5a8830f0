"""Clamp: every element kept within [min, max], a NaN as it is; ReLU6 is Clamp(0, 6) (OpenVINO Clamp-1)."""

import math

import numpy as np

from ..dtypes import FLOATS
from .common.operator import Operator, OperatorError, Shape, operator


@operator("Clamp")
class Clamp(Operator):
    min: float
    max: float

    accepts = FLOATS
    keeps_to_a_sample = True

    def infer_shape(self, x: Shape) -> Shape:
        if math.isnan(self.min) or math.isnan(self.max):
            raise OperatorError(f"min and max must be numbers, found {self.min} and {self.max}")
        return x

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return np.clip(x, x.dtype.type(self.min), x.dtype.type(self.max))
