"""Reshape: the same elements in another shape (OpenVINO Reshape-1)."""

import math

import numpy as np

from .common.axes import integers
from .common.operator import Operator, OperatorError, Shape, operator


@operator("Reshape")
class Reshape(Operator):
    special_zero: bool = False  # a 0 in the pattern copies the input's dimension

    value_ports = (1,)
    computes_on_codes = True
    keeps_to_a_sample = True

    def infer_shape(self, x: Shape, pattern: np.ndarray) -> Shape:
        wanted = integers(pattern, "pattern")
        copied = [i for i, d in enumerate(wanted) if d == 0 and self.special_zero and i < len(x)]
        shape = [x[i] if i in copied else d for i, d in enumerate(wanted)]
        if -1 in wanted:
            # copied dimensions cancel out, so that an empty batch, (0,3,4) by the pattern (0,-1), becomes
            # (0,12)
            here = math.prod(d for i, d in enumerate(x) if i not in copied)
            others = math.prod(d for i, d in enumerate(wanted) if i not in copied and d != -1)
            shape[wanted.index(-1)] = here // others if others and here % others == 0 else -1
        if min(shape, default=0) < 0 or math.prod(shape) != math.prod(x):
            raise OperatorError(f"{list(x)} cannot be reshaped to {list(wanted)}")
        return tuple(shape)

    def evaluate(self, x: np.ndarray, pattern: np.ndarray) -> np.ndarray:
        return x.reshape(self.infer_shape(x.shape, pattern))
