"""ReLU: max(x, 0) (OpenVINO ReLU-1)."""

import numpy as np

from .common.operator import Operator, operator


@operator("ReLU")
class ReLU(Operator):
    keeps_to_a_sample = True

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return np.maximum(x, x.dtype.type(0))
