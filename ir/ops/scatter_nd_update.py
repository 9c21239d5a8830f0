"""ScatterNDUpdate: data with updates in the slices that tuples of indices name
(OpenVINO ScatterNDUpdate-15).

    y = x,   y[indices[n, 0], indices[n, 1], ...] = updates[n]
"""

from typing import Literal

import numpy as np

from ..dtypes import DType
from .common.axes import check_integers
from .common.operator import Operator, OperatorError, Shape, operator
from .gather_nd import of_slices
from .scatter_elements_update import scatter


@operator("ScatterNDUpdate")
class ScatterNDUpdate(Operator):
    reduction: Literal["none", "sum", "sub", "prod", "min", "max"] = "none"

    def infer_shape(self, x: Shape, indices: Shape, updates: Shape) -> Shape:
        if not indices or indices[-1] > len(x):
            raise OperatorError(f"indices {list(indices)} must name at most the {len(x)} axes of the data")
        expected = indices[:-1] + x[indices[-1] :]
        if updates != expected:
            raise OperatorError(f"updates must have the shape {list(expected)}, found {list(updates)}")
        return x

    def infer_dtype(self, x: DType, indices: DType, updates: DType) -> DType:
        check_integers(indices)
        return super().infer_dtype(x, updates)

    def evaluate(self, x: np.ndarray, indices: np.ndarray, updates: np.ndarray) -> np.ndarray:
        y = x.copy()
        scatter(y, of_slices(indices, x.shape[: indices.shape[-1]]), updates, self.reduction)
        return y
