"""GatherElements: from each place of the indices the element that it names along an axis
(OpenVINO GatherElements-6).

    y[i, j, k] = x[i, indices[i, j, k], k]        with axis 1
"""

import numpy as np

from ..dtypes import DType
from .common.axes import check_integers, from_the_front, normalize_axis
from .common.operator import Operator, OperatorError, Shape, operator


@operator("GatherElements")
class GatherElements(Operator):
    axis: int

    computes_on_codes = True

    def infer_shape(self, x: Shape, indices: Shape) -> Shape:
        axis = normalize_axis(self.axis, len(x))
        check_places(x, indices, axis)
        return indices

    def infer_dtype(self, x: DType, indices: DType) -> DType:
        check_integers(indices)
        return x

    def evaluate(self, x: np.ndarray, indices: np.ndarray) -> np.ndarray:
        axis = normalize_axis(self.axis, x.ndim)
        return np.ascontiguousarray(x[along_axis(indices, axis, x.shape[axis])])


def along_axis(indices: np.ndarray, axis: int, size: int) -> tuple[np.ndarray, ...]:
    """Where each element of `indices` points to: its own place, but along `axis` what it says."""
    places = list(np.ogrid[tuple(slice(d) for d in indices.shape)])
    places[axis] = from_the_front(indices, size)
    return tuple(places)


def check_places(x: Shape, indices: Shape, axis: int) -> None:
    """Indices may be fewer than the data along the other axes, not more."""
    if len(indices) != len(x):
        raise OperatorError(f"indices {list(indices)} must have the rank of the data, {len(x)}")
    if any(n > d for k, (n, d) in enumerate(zip(indices, x, strict=True)) if k != axis):
        raise OperatorError(
            f"indices {list(indices)} must not exceed the data {list(x)} but along axis {axis}"
        )
