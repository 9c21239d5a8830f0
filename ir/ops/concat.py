"""Concat: tensors joined along an axis (OpenVINO Concat-1)."""

import numpy as np

from .common.axes import normalize_axis
from .common.operator import Operator, OperatorError, Shape, operator


@operator("Concat")
class Concat(Operator):
    axis: int

    computes_on_codes = True
    keeps_to_a_sample = True

    def infer_shape(self, *shapes: Shape) -> Shape:
        first = shapes[0]
        axis = normalize_axis(self.axis, len(first))
        for shape in shapes:
            if (
                len(shape) != len(first)
                or shape[:axis] + shape[axis + 1 :] != first[:axis] + first[axis + 1 :]
            ):
                raise OperatorError(f"shapes {list(first)} and {list(shape)} must agree but for axis {axis}")
        return first[:axis] + (sum(shape[axis] for shape in shapes),) + first[axis + 1 :]

    def evaluate(self, *arrays: np.ndarray) -> np.ndarray:
        return np.concatenate(arrays, axis=self.axis)
