"""NumPy's broadcasting rule on shapes, shared by the operators that take two or more tensors."""

from typing import Any

import numpy as np

from .operator import Operator, OperatorError, Shape


def broadcast_shapes(*shapes: Shape) -> Shape:
    """The common shape; OperatorError when there is none."""
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        raise OperatorError(
            "shapes " + " and ".join(str(list(s)) for s in shapes) + " do not broadcast"
        ) from None


class Elementwise(Operator):
    """An operator on tensors that broadcast against each other."""

    def infer_shape(self, *shapes: Shape, **_: Any) -> Shape:
        return broadcast_shapes(*shapes)
