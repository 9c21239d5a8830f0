"""Selu: scale * x above zero, scale * alpha * (e^x - 1) below (OpenVINO Selu-1)."""

import numpy as np

from ..dtypes import FLOATS
from .common.operator import Operator, OperatorError, Shape, operator


@operator("Selu")
class Selu(Operator):
    """alpha and scale are inputs, one number each."""

    accepts = FLOATS

    def infer_shape(self, x: Shape, alpha: Shape, scale: Shape) -> Shape:
        for name, shape in (("alpha", alpha), ("scale", scale)):
            if shape not in ((), (1,)):
                raise OperatorError(f"{name} must be one number, found shape {list(shape)}")
        return x

    def evaluate(self, x: np.ndarray, alpha: np.ndarray, scale: np.ndarray) -> np.ndarray:
        below = alpha.reshape(()) * np.expm1(np.minimum(x, 0))
        return scale.reshape(()) * np.where(x > 0, x, below)
