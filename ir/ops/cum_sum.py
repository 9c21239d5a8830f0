"""CumSum: sums of all elements up to here along an axis (OpenVINO CumSum-3).

y[i] = x[0] + ... + x[i]        exclusive: without x[i]; reverse: from the end
"""

import numpy as np

from ..dtypes import DType
from .common.axes import integer, normalize_axis
from .common.operator import Operator, Shape, operator


@operator("CumSum")
class CumSum(Operator):
    exclusive: bool = False
    reverse: bool = False

    value_ports = (1,)

    def infer_shape(self, x: Shape, axis: np.ndarray) -> Shape:
        normalize_axis(integer(axis, "axis"), len(x))
        return x

    def infer_dtype(self, x: DType, axis: DType) -> DType:
        return x

    def evaluate(self, x: np.ndarray, axis: np.ndarray) -> np.ndarray:
        along = normalize_axis(integer(axis, "axis"), x.ndim)
        terms = np.flip(x, along) if self.reverse else x
        sums = np.cumsum(terms, along, dtype=x.dtype)
        if self.exclusive and x.shape[along]:
            zero = np.zeros_like(np.take(sums, [0], along))
            sums = np.concatenate([zero, np.take(sums, range(x.shape[along] - 1), along)], along)
        return np.ascontiguousarray(np.flip(sums, along)) if self.reverse else sums
