"""HSigmoid: the sigmoid in straight lines, min(max(x + 3, 0), 6) / 6 (OpenVINO HSigmoid-5; MobileNetV3)."""

import numpy as np

from ..dtypes import FLOATS
from .common.operator import Operator, operator


@operator("HSigmoid")
class HSigmoid(Operator):
    accepts = FLOATS
    keeps_to_a_sample = True

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return hsigmoid(x)


def hsigmoid(x: np.ndarray) -> np.ndarray:
    """Any float type, same shape."""
    return np.clip(x + 3, 0, 6) / 6
