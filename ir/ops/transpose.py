"""Transpose: axis i of the output is axis order[i] of the input; an empty order reverses them (OpenVINO
Transpose-1).
"""

import numpy as np

from .common.axes import integers
from .common.operator import Operator, OperatorError, Shape, operator


@operator("Transpose")
class Transpose(Operator):
    value_ports = (1,)
    computes_on_codes = True
    keeps_to_a_sample = True

    def infer_shape(self, x: Shape, order: np.ndarray) -> Shape:
        axes = integers(order, "order") or tuple(reversed(range(len(x))))
        if sorted(axes) != list(range(len(x))):
            raise OperatorError(f"order must hold each axis of {list(x)} once, found {list(axes)}")
        return tuple(x[axis] for axis in axes)

    def evaluate(self, x: np.ndarray, order: np.ndarray) -> np.ndarray:
        return x.transpose(integers(order, "order") or None)
