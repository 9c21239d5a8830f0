"""GatherND: the slices that tuples of indices name, on the first axes behind the batch (OpenVINO GatherND-8).

y[b, n] = x[b, indices[b, n, 0], indices[b, n, 1], ...]
"""

import numpy as np

from ..dtypes import DType
from .common.axes import check_integers, from_the_front
from .common.operator import Operator, OperatorError, Shape, operator


@operator("GatherND")
class GatherND(Operator):
    batch_dims: int = 0  # so many leading axes are common to the data and the indices

    computes_on_codes = True

    def infer_shape(self, x: Shape, indices: Shape) -> Shape:
        batch, count = self.batch_dims, indices[-1] if indices else 0
        if not 0 <= batch < min(len(indices), len(x)) or x[:batch] != indices[:batch]:
            raise OperatorError(
                f"data {list(x)} and indices {list(indices)} must agree in {batch} leading dimensions"
            )
        if batch + count > len(x):
            raise OperatorError(
                f"indices {list(indices)} name {count} axes of the {len(x) - batch} behind the batch"
            )
        return indices[:-1] + x[batch + count :]

    def infer_dtype(self, x: DType, indices: DType) -> DType:
        check_integers(indices)
        return x

    def evaluate(self, x: np.ndarray, indices: np.ndarray) -> np.ndarray:
        batch, count = self.batch_dims, indices.shape[-1]
        y = np.empty(self.infer_shape(x.shape, indices.shape), x.dtype)
        for b in np.ndindex(x.shape[:batch]):
            y[b] = x[b][of_slices(indices[b], x.shape[batch : batch + count])]
        return y


def of_slices(indices: np.ndarray, dims: Shape) -> tuple[np.ndarray, ...]:
    """(...,k) indices into the first k axes, of sizes `dims` -> k arrays (...), counted from the front."""
    return tuple(from_the_front(indices[..., k], size) for k, size in enumerate(dims))
