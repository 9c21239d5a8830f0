"""PReLU: x, times a learned slope below zero (OpenVINO PReLU-1)."""

import numpy as np

from ..dtypes import FLOATS
from .common.broadcasting import broadcast_shapes
from .common.operator import Operator, OperatorError, Shape, operator


@operator("PReLU")
class PReLU(Operator):
    accepts = FLOATS
    keeps_to_a_sample = True

    def infer_shape(self, x: Shape, slope: Shape) -> Shape:
        if broadcast_shapes(x, per_channel(slope, len(x))) != x:
            raise OperatorError(f"slope of shape {list(slope)} is larger than the input, {list(x)}")
        return x

    def evaluate(self, x: np.ndarray, slope: np.ndarray) -> np.ndarray:
        return np.where(x < 0, x * slope.reshape(per_channel(slope.shape, x.ndim)), x)


def per_channel(slope: Shape, rank: int) -> Shape:
    """A vector of slopes is one for each channel, (C,) -> (C,1,1); any other shape broadcasts as it is."""
    return slope + (1,) * (rank - 2) if len(slope) == 1 else slope
