"""HardSigmoid: alpha * x + beta, kept within [0, 1] (OpenVINO HardSigmoid-1)."""

import numpy as np

from ..dtypes import FLOATS
from .common.operator import Operator, OperatorError, Shape, operator


@operator("HardSigmoid")
class HardSigmoid(Operator):
    accepts = FLOATS

    def infer_shape(self, x: Shape, alpha: Shape, beta: Shape) -> Shape:
        if alpha or beta:
            raise OperatorError(
                f"alpha and beta must be scalars, found shapes {list(alpha)} and {list(beta)}"
            )
        return x

    def evaluate(self, x: np.ndarray, alpha: np.ndarray, beta: np.ndarray) -> np.ndarray:
        return np.clip(alpha * x + beta, 0, 1)
