"""SoftMax: e^x over its sum along an axis, so that it adds up to 1 (OpenVINO Softmax-8)."""

import numpy as np

from ..dtypes import FLOATS
from .common.axes import normalize_axis
from .common.operator import Operator, Shape, operator


@operator("SoftMax")
class SoftMax(Operator):
    axis: int = 1

    accepts = FLOATS
    keeps_to_a_sample = True

    def infer_shape(self, x: Shape) -> Shape:
        normalize_axis(self.axis, len(x))
        return x

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        powers = np.exp(below_largest(x, self.axis))
        return powers / powers.sum(axis=self.axis, keepdims=True)


def below_largest(x: np.ndarray, axis: int) -> np.ndarray:
    """x minus its largest along the axis: softmax does not change, and no power overflows."""
    return x - x.max(axis=axis, keepdims=True, initial=-np.inf)
