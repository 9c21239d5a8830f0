"""Squeeze: axes of length 1 taken out, the given ones or all (OpenVINO Squeeze-1)."""

import numpy as np

from .common.axes import integers, normalize_axes
from .common.operator import Operator, OperatorError, Shape, operator


@operator("Squeeze")
class Squeeze(Operator):
    value_ports = (1,)
    computes_on_codes = True
    keeps_to_a_sample = True

    def infer_shape(self, x: Shape, axes: np.ndarray | None = None) -> Shape:
        if axes is None:
            return tuple(d for d in x if d != 1)
        gone = normalize_axes(integers(axes, "axes"), len(x))
        if any(x[axis] != 1 for axis in gone):
            raise OperatorError(f"axes {list(gone)} of shape {list(x)} must have length 1")
        return tuple(d for axis, d in enumerate(x) if axis not in gone)

    def evaluate(self, x: np.ndarray, axes: np.ndarray | None = None) -> np.ndarray:
        return x.reshape(self.infer_shape(x.shape, axes))
