"""SoftPlus: ln(1 + e^x), a smooth ReLU (OpenVINO SoftPlus-4)."""

import numpy as np

from ..dtypes import FLOATS
from .common.operator import Operator, operator


@operator("SoftPlus")
class SoftPlus(Operator):
    accepts = FLOATS
    keeps_to_a_sample = True

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return softplus(x)


def softplus(x: np.ndarray) -> np.ndarray:
    """Any float type, same shape, without overflow."""
    return np.logaddexp(x, x.dtype.type(0))
