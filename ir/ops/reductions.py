"""What the reductions share: axes that come in as an input and go away, or stay with length 1."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..dtypes import F16, F32, NUMBERS
from .axes import integers, normalize_axes
from .registry import Operator, OperatorError, Shape


@dataclass(frozen=True, kw_only=True)
class Reduction(Operator):
    """An operator that makes one number of all those along some axes; no axes, no reduction."""

    keep_dims: bool = False

    accepts = NUMBERS
    value_ports = (1,)
    function: ClassVar[np.ufunc]  # how two numbers become one

    def infer_shape(self, x: Shape, axes: np.ndarray) -> Shape:
        reduced = normalize_axes(integers(axes, "axes"), len(x))
        if any(x[axis] == 0 for axis in reduced):
            raise OperatorError(f"cannot reduce the empty axes of shape {list(x)}")
        return tuple(1 if axis in reduced else d for axis, d in enumerate(x) if self.keep_dims or axis not in reduced)

    def evaluate(self, x: np.ndarray, axes: np.ndarray) -> np.ndarray:
        total_dtype = F32 if x.dtype == F16 else x.dtype
        total = self.function.reduce(x, axis=integers(axes, "axes"), dtype=total_dtype, keepdims=self.keep_dims)
        return total.astype(x.dtype)
