"""Broadcast: a tensor stretched to a shape (OpenVINO Broadcast-3, modes numpy and bidirectional; ONNX Expand
is the latter).
"""

from typing import Literal

import numpy as np

from .common.axes import integers
from .common.broadcasting import broadcast_shapes
from .common.operator import Operator, OperatorError, Shape, operator


@operator("Broadcast")
class Broadcast(Operator):
    # bidirectional: the target may also be stretched, to the tensor
    mode: Literal["numpy", "bidirectional"] = "numpy"

    value_ports = (1,)
    computes_on_codes = True

    def infer_shape(self, x: Shape, target_shape: np.ndarray) -> Shape:
        target = integers(target_shape, "target_shape")
        shape = broadcast_shapes(x, target)
        if self.mode == "numpy" and shape != target:
            raise OperatorError(
                f"{list(x)} does not fit into {list(target)}; mode bidirectional would give {list(shape)}"
            )
        return shape

    def evaluate(self, x: np.ndarray, target_shape: np.ndarray) -> np.ndarray:
        return np.broadcast_to(x, self.infer_shape(x.shape, target_shape))
