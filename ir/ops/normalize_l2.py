"""NormalizeL2: divide by the Euclidean length along some axes (OpenVINO NormalizeL2-1)."""

from typing import Literal

import numpy as np

from ..dtypes import FLOATS
from .common.axes import integers, normalize_axes
from .common.operator import Operator, OperatorError, Shape, operator


@operator("NormalizeL2")
class NormalizeL2(Operator):
    eps: float
    eps_mode: Literal["add", "max"]

    accepts = FLOATS
    value_ports = (1,)

    def infer_shape(self, x: Shape, axes: np.ndarray) -> Shape:
        if not normalize_axes(integers(axes, "axes"), len(x)):
            raise OperatorError("axes must name at least one axis, found none")
        return x

    def evaluate(self, x: np.ndarray, axes: np.ndarray) -> np.ndarray:
        """Any float shape, computed in float32; eps applies to the squared length."""
        eps = np.float32(self.eps)
        squares = np.square(x, dtype=np.float32).sum(axis=integers(axes, "axes"), keepdims=True)
        length = np.sqrt(squares + eps if self.eps_mode == "add" else np.maximum(squares, eps))
        return (x / length).astype(x.dtype)
