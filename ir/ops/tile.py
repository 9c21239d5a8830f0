"""Tile: the tensor repeated so many times along each axis (OpenVINO Tile-1)."""

import numpy as np

from .common.axes import integers
from .common.operator import Operator, OperatorError, Shape, operator


@operator("Tile")
class Tile(Operator):
    value_ports = (1,)
    computes_on_codes = True

    def infer_shape(self, x: Shape, repeats: np.ndarray) -> Shape:
        times = integers(repeats, "repeats")
        if min(times, default=0) < 0:
            raise OperatorError(f"repeats must not be negative, found {list(times)}")
        rank = max(len(x), len(times))  # the shorter one gets ones in front
        dims = (1,) * (rank - len(x)) + x
        return tuple(d * t for d, t in zip(dims, (1,) * (rank - len(times)) + times, strict=True))

    def evaluate(self, x: np.ndarray, repeats: np.ndarray) -> np.ndarray:
        shape = self.infer_shape(x.shape, repeats)
        # NumPy repeats one axis after the other, and would make all that a later zero takes away
        if 0 in shape:
            return np.empty(shape, x.dtype)
        return np.tile(x, integers(repeats, "repeats"))
