"""Split: a tensor cut along an axis into equal parts (OpenVINO Split-1)."""

import numpy as np

from .common.axes import integer, normalize_axis
from .common.operator import Operator, OperatorError, Shape, operator

MOST_PARTS = 2**16  # as many as an operator may have inputs


@operator("Split")
class Split(Operator):
    num_splits: int

    value_ports = (1,)
    computes_on_codes = True

    def infer_shape(self, x: Shape, axis: np.ndarray) -> list[Shape]:
        cut = normalize_axis(integer(axis, "axis"), len(x))
        if not 1 <= self.num_splits <= MOST_PARTS or x[cut] % self.num_splits:
            raise OperatorError(
                f"axis {cut} of shape {list(x)} cannot be cut into {self.num_splits} equal parts"
            )
        return [x[:cut] + (x[cut] // self.num_splits,) + x[cut + 1 :]] * self.num_splits

    def evaluate(self, x: np.ndarray, axis: np.ndarray) -> list[np.ndarray]:
        return np.split(x, self.num_splits, axis=integer(axis, "axis"))
