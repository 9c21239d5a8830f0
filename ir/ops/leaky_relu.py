"""LeakyReLU: x, times alpha below zero (ONNX LeakyRelu; OpenVINO says PReLU with one slope)."""

import numpy as np

from ..dtypes import FLOATS
from .common.operator import Operator, operator


@operator("LeakyReLU")
class LeakyReLU(Operator):
    alpha: float = 0.01

    accepts = FLOATS
    keeps_to_a_sample = True

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return np.where(x < 0, x.dtype.type(self.alpha) * x, x)
