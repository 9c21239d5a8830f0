"""What the reductions share: axes that come in as an input and go away, or stay with length 1."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ...dtypes import F16, F32, FLOATS, NUMBERS, DType
from .axes import integers, normalize_axes
from .operator import Operator, Shape


@dataclass(frozen=True, kw_only=True)
class Reduction(Operator):
    """An operator that makes one number of all those along some axes; no axes, no reduction."""

    keep_dims: bool = False

    accepts = NUMBERS
    value_ports = (1,)
    function: ClassVar[np.ufunc]  # how two numbers become one

    @classmethod
    def of_nothing(cls, dtype: DType) -> float:
        """What changes no other number: 0 for a sum, minus infinity (or the smallest integer) for the
        largest.
        """
        if cls.function.identity is not None:
            return cls.function.identity
        ends = (-np.inf, np.inf) if dtype in FLOATS else (np.iinfo(dtype).min, np.iinfo(dtype).max)
        return ends[0 if cls.function is np.maximum else 1]

    def infer_shape(self, x: Shape, axes: np.ndarray) -> Shape:
        reduced = normalize_axes(integers(axes, "axes"), len(x))
        return tuple(
            1 if axis in reduced else d for axis, d in enumerate(x) if self.keep_dims or axis not in reduced
        )

    def evaluate(self, x: np.ndarray, axes: np.ndarray) -> np.ndarray:
        total_dtype = F32 if x.dtype == F16 else x.dtype
        options: dict[str, Any] = {"initial": self.of_nothing(total_dtype)} if x.size == 0 else {}
        total = self.function.reduce(
            x, axis=integers(axes, "axes"), dtype=total_dtype, keepdims=self.keep_dims, **options
        )
        return total.astype(x.dtype)
