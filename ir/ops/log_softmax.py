"""LogSoftmax: the logarithm of SoftMax, without taking e^x of what is lost in it (OpenVINO LogSoftmax-5)."""

import numpy as np

from ..dtypes import FLOATS
from .common.axes import normalize_axis
from .common.operator import Operator, Shape, operator
from .softmax import below_largest


@operator("LogSoftmax")
class LogSoftmax(Operator):
    axis: int = 1

    accepts = FLOATS
    keeps_to_a_sample = True

    def infer_shape(self, x: Shape) -> Shape:
        normalize_axis(self.axis, len(x))
        return x

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        shifted = below_largest(x, self.axis)
        return shifted - np.log(np.exp(shifted).sum(axis=self.axis, keepdims=True))
