"""Unsqueeze: axes of length 1 put in, where they are to stand in the output (OpenVINO Unsqueeze-1)."""

import numpy as np

from .common.axes import integers, normalize_axes
from .common.operator import Operator, Shape, operator


@operator("Unsqueeze")
class Unsqueeze(Operator):
    value_ports = (1,)
    computes_on_codes = True
    keeps_to_a_sample = True

    def infer_shape(self, x: Shape, axes: np.ndarray) -> Shape:
        new = integers(axes, "axes")
        shape = list(x)
        for axis in normalize_axes(new, len(x) + len(new)):
            shape.insert(axis, 1)
        return tuple(shape)

    def evaluate(self, x: np.ndarray, axes: np.ndarray) -> np.ndarray:
        return x.reshape(self.infer_shape(x.shape, axes))
