"""ScatterElementsUpdate: data with updates in the elements that indices name along an axis
(OpenVINO ScatterElementsUpdate-12).

    y = x,   y[i, indices[i, j, k], k] = updates[i, j, k]        with axis 1
"""

from collections.abc import Callable
from typing import Any, Final, Literal

import numpy as np

from ..dtypes import DType
from .common.axes import check_integers, integer, normalize_axis
from .common.operator import Operator, OperatorError, Shape, operator
from .gather_elements import along_axis, check_places

REDUCE: Final[dict[str, Callable[..., Any]]] = {
    "sum": np.add.at,
    "sub": np.subtract.at,
    "prod": np.multiply.at,
    "min": np.minimum.at,
    "max": np.maximum.at,
}


@operator("ScatterElementsUpdate")
class ScatterElementsUpdate(Operator):
    reduction: Literal["none", "sum", "prod", "min", "max", "mean"] = "none"
    use_init_val: bool = True  # whether what was there before is reduced with the updates

    value_ports = (3,)

    def infer_shape(self, x: Shape, indices: Shape, updates: Shape, axis: np.ndarray) -> Shape:
        check_places(x, indices, normalize_axis(integer(axis, "axis"), len(x)))
        if updates != indices:
            raise OperatorError(f"updates {list(updates)} must have the shape of indices, {list(indices)}")
        return x

    def infer_dtype(self, x: DType, indices: DType, updates: DType, axis: DType) -> DType:
        check_integers(indices)
        return super().infer_dtype(x, updates)

    def evaluate(
        self, x: np.ndarray, indices: np.ndarray, updates: np.ndarray, axis: np.ndarray
    ) -> np.ndarray:
        along = normalize_axis(integer(axis, "axis"), x.ndim)
        places = along_axis(indices, along, x.shape[along])
        y = x.copy()
        if not self.use_init_val and self.reduction != "none":
            y[places] = _neutral(self.reduction, x.dtype)
        scatter(y, places, updates, "sum" if self.reduction == "mean" else self.reduction)
        if self.reduction == "mean":
            count = np.full(x.shape, int(self.use_init_val))
            np.add.at(count, places, 1)
            count[count == 0] = 1
            quotient = y / count.astype(y.dtype) if y.dtype.kind == "f" else y // count
            y = np.where(count > 1, quotient, y).astype(x.dtype)
        return y


def _neutral(reduction: str, dtype: DType) -> np.generic:
    """What changes nothing in a reduction."""
    if reduction in ("sum", "mean", "prod"):
        return dtype.type(reduction == "prod")
    if dtype.kind == "f":
        return dtype.type(-np.inf if reduction == "max" else np.inf)
    limits = np.iinfo(dtype)
    return dtype.type(limits.min if reduction == "max" else limits.max)


def scatter(y: np.ndarray, places: tuple[np.ndarray, ...], updates: np.ndarray, reduction: str) -> None:
    """Change the elements of y at `places`: "none" leaves the last update there, others reduce all of them
    with what was there before.
    """
    if reduction == "none":
        y[places] = updates  # one after the other: of several the last one stays
    else:
        REDUCE[reduction](y, places, updates)
