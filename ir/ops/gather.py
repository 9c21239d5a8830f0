"""Gather: the slices of a tensor that the indices name, along an axis (OpenVINO Gather-8)."""

import numpy as np

from ..dtypes import DType
from .common.axes import check_integers, from_the_front, integer, normalize_axis
from .common.operator import Operator, OperatorError, Shape, operator


@operator("Gather")
class Gather(Operator):
    batch_dims: int = 0  # so many leading axes are common to the data and the indices

    value_ports = (2,)
    computes_on_codes = True

    def infer_shape(self, x: Shape, indices: Shape, axis: np.ndarray) -> Shape:
        along, batch = self.normal(len(x), len(indices), axis)
        if x[:batch] != indices[:batch]:
            raise OperatorError(
                f"data {list(x)} and indices {list(indices)} must agree in {batch} leading dimensions"
            )
        return x[:along] + indices[batch:] + x[along + 1 :]

    def infer_dtype(self, x: DType, indices: DType, axis: DType) -> DType:
        check_integers(indices)
        return x

    def evaluate(self, x: np.ndarray, indices: np.ndarray, axis: np.ndarray) -> np.ndarray:
        along, batch = self.normal(x.ndim, indices.ndim, axis)
        indices = from_the_front(indices, x.shape[along])
        y = np.empty(self.infer_shape(x.shape, indices.shape, axis), x.dtype)
        for b in np.ndindex(x.shape[:batch]):
            y[b] = np.take(x[b], indices[b], axis=along - batch)
        return y

    def normal(self, rank: int, indices_rank: int, axis: np.ndarray) -> tuple[int, int]:
        """(axis, batch_dims), both counted from the front."""
        along = normalize_axis(integer(axis, "axis"), rank)
        batch = self.batch_dims + indices_rank if self.batch_dims < 0 else self.batch_dims
        if not 0 <= batch <= min(along, indices_rank):
            raise OperatorError(
                f"batch_dims must be at most the axis, {along}, and the rank of indices, "
                f"{indices_rank}, found {batch}"
            )
        return along, batch
