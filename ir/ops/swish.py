"""Swish: x * Sigmoid(beta * x), beta 1 if absent (OpenVINO Swish-4)."""

import numpy as np

from ..dtypes import FLOATS
from .common.functions import sigmoid
from .common.operator import Operator, OperatorError, Shape, operator


@operator("Swish")
class Swish(Operator):
    accepts = FLOATS
    keeps_to_a_sample = True

    def infer_shape(self, x: Shape, beta: Shape = ()) -> Shape:
        if beta:
            raise OperatorError(f"beta must be a scalar, found shape {list(beta)}")
        return x

    def evaluate(self, x: np.ndarray, beta: np.ndarray | None = None) -> np.ndarray:
        return x * sigmoid(x if beta is None else beta * x)
