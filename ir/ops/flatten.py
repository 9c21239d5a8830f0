"""Flatten: a matrix of the axes before `axis` by those from it on (ONNX Flatten)."""

import math

import numpy as np

from .common.axes import normalize_axis
from .common.operator import Operator, Shape, operator


@operator("Flatten")
class Flatten(Operator):
    axis: int = 1

    computes_on_codes = True
    keeps_to_a_sample = True

    def infer_shape(self, x: Shape) -> Shape:
        axis = normalize_axis(self.axis, len(x)) if self.axis != len(x) else self.axis
        return math.prod(x[:axis]), math.prod(x[axis:])

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return x.reshape(self.infer_shape(x.shape))
