"""HSwish: x * HSigmoid(x), which is Swish in straight lines (OpenVINO HSwish-4; MobileNetV3)."""

import numpy as np

from ..dtypes import FLOATS
from .common.operator import Operator, operator
from .hsigmoid import hsigmoid


@operator("HSwish")
class HSwish(Operator):
    accepts = FLOATS
    keeps_to_a_sample = True

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return x * hsigmoid(x)
