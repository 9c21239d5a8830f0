"""MVN: subtract the mean along some axes, and divide by the deviation there; the core of layer and instance
norm (OpenVINO MVN-6).
"""

from typing import Literal

import numpy as np

from ..dtypes import FLOATS
from .common.axes import integers, normalize_axes
from .common.operator import Operator, OperatorError, Shape, operator


@operator("MVN")
class MVN(Operator):
    normalize_variance: bool
    eps: float
    eps_mode: Literal["inside_sqrt", "outside_sqrt"]

    accepts = FLOATS
    value_ports = (1,)

    def infer_shape(self, x: Shape, axes: np.ndarray) -> Shape:
        if any(x[axis] == 0 for axis in normalize_axes(integers(axes, "axes"), len(x))):
            raise OperatorError(f"the mean along axes {axes.tolist()} of shape {list(x)} is over no elements")
        return x

    def evaluate(self, x: np.ndarray, axes: np.ndarray) -> np.ndarray:
        """Any float shape, computed in float32."""
        along, eps = integers(axes, "axes"), np.float32(self.eps)
        centered = x - x.mean(axis=along, keepdims=True, dtype=np.float32)
        if not self.normalize_variance:
            return centered.astype(x.dtype)
        variance = np.square(centered).mean(axis=along, keepdims=True)
        deviation = np.sqrt(variance + eps) if self.eps_mode == "inside_sqrt" else np.sqrt(variance) + eps
        return (centered / deviation).astype(x.dtype)
