"""BatchNormInference: each channel shifted and scaled by the statistics of training (OpenVINO
BatchNormInference-5).
"""

import numpy as np

from ..dtypes import FLOATS
from .common.operator import Operator, OperatorError, Shape, operator


@operator("BatchNormInference")
class BatchNormInference(Operator):
    epsilon: float

    accepts = FLOATS
    keeps_to_a_sample = True

    def infer_shape(self, x: Shape, gamma: Shape, beta: Shape, mean: Shape, variance: Shape) -> Shape:
        if len(x) < 2 or {gamma, beta, mean, variance} != {x[1:2]}:
            found = ", ".join(str(list(s)) for s in (gamma, beta, mean, variance))
            raise OperatorError(
                f"gamma, beta, mean and variance must hold one number for each channel of {list(x)}, "
                f"found shapes {found}"
            )
        return x

    def evaluate(
        self, x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, mean: np.ndarray, variance: np.ndarray
    ) -> np.ndarray:
        """(N,C,...) and four (C,) -> (N,C,...), computed in float32."""
        per_channel = (-1, *(1,) * (x.ndim - 2))
        gamma, beta, mean, variance = (
            p.astype(np.float32).reshape(per_channel) for p in (gamma, beta, mean, variance)
        )
        scale = gamma / np.sqrt(variance + np.float32(self.epsilon))
        return ((x - mean) * scale + beta).astype(x.dtype)
