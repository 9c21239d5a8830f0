"""TopK: the k largest (or smallest) elements along an axis, and where they are (OpenVINO TopK-11, stable)."""

from typing import Literal

import numpy as np

from ..dtypes import I32, DType
from .common.axes import integer, normalize_axis
from .common.operator import Operator, OperatorError, Shape, operator


@operator("TopK")
class TopK(Operator):
    """Two outputs, (values, indices). Of equal elements the first comes first, whichever way they
    are sorted.
    """

    axis: int
    mode: Literal["max", "min"]
    sort: Literal["value", "index", "none"]  # "none" leaves the order to the runtime; here it is by value
    index_element_type: DType = I32

    value_ports = (1,)

    def infer_shape(self, x: Shape, k: np.ndarray) -> list[Shape]:
        axis, count = normalize_axis(self.axis, len(x)), integer(k, "k")
        if not 0 <= count <= x[axis]:
            raise OperatorError(f"k must be within [0, {x[axis]}], found {count}")
        return [x[:axis] + (count,) + x[axis + 1 :]] * 2

    def infer_dtype(self, x: DType, k: DType) -> list[DType]:
        return [x, self.index_element_type]

    def evaluate(self, x: np.ndarray, k: np.ndarray) -> list[np.ndarray]:
        by_value = (
            np.argsort(x, axis=self.axis, stable=True)
            if self.mode == "min"
            else argsort_descending(x, self.axis)
        )
        indices = np.take(by_value, range(integer(k, "k")), axis=self.axis)
        if self.sort == "index":
            indices = np.sort(indices, axis=self.axis)
        return [np.take_along_axis(x, indices, self.axis), indices.astype(self.index_element_type)]


def argsort_descending(x: np.ndarray, axis: int) -> np.ndarray:
    """Stable: turning the tensor around before and after an ascending sort keeps equal elements in their
    order.
    """
    backwards = np.argsort(np.flip(x, axis), axis=axis, stable=True)
    return x.shape[axis] - 1 - np.flip(backwards, axis)
