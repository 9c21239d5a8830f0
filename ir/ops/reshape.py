"""Reshape: the same elements in another shape (OpenVINO Reshape-1)."""

import math

import numpy as np

from .axes import integers
from .registry import Ints, Operator, OperatorError, Shape, operator


@operator("Reshape")
class Reshape(Operator):
    special_zero: bool = False  # a 0 in the pattern copies the input's dimension

    value_ports = (1,)

    def infer_shape(self, x: Shape, pattern: np.ndarray) -> Shape:
        wanted = integers(pattern, "pattern")
        shape = tuple(x[i] if d == 0 and self.special_zero and i < len(x) else d for i, d in enumerate(wanted))
        if -1 in shape:
            shape = self.with_rest(shape, math.prod(x))
        if min(shape, default=0) < 0 or math.prod(shape) != math.prod(x):
            raise OperatorError(f"{list(x)} cannot be reshaped to {list(wanted)}")
        return shape

    def with_rest(self, shape: Ints, size: int) -> Shape:
        """The shape with its (first) -1 replaced by what makes it hold `size` elements, if anything does."""
        at = shape.index(-1)
        others = math.prod(shape[:at] + shape[at + 1 :])
        return shape[:at] + (size // others if others else 0,) + shape[at + 1 :]

    def evaluate(self, x: np.ndarray, pattern: np.ndarray) -> np.ndarray:
        return x.reshape(self.infer_shape(x.shape, pattern))
