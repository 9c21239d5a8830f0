"""MaxPool: the largest element each window sees; padding never wins, a NaN always (OpenVINO MaxPool-14, first
output).
"""

import numpy as np

from ..dtypes import NUMBERS
from .common.operator import Ints, Operator, Shape, operator
from .common.windows import Rounding, Window, pool_shape, spatial_axes


@operator("MaxPool")
class MaxPool(Operator):
    kernel: Ints
    strides: Ints
    pads_begin: Ints
    pads_end: Ints
    dilations: Ints
    rounding_type: Rounding = "floor"

    accepts = NUMBERS
    computes_on_codes = True
    keeps_to_a_sample = True

    @property
    def window(self) -> Window:
        return Window(
            self.kernel, self.strides, self.pads_begin, self.pads_end, self.dilations, self.rounding_type
        )

    def infer_shape(self, x: Shape) -> Shape:
        return pool_shape(x, self.window)

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        """(N,C,*spatial) -> (N,C,*output), floats or integers."""
        lowest = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
        return self.window.taps(x, lowest).max(axis=spatial_axes(x))

    def workspace(self, inputs: list[Shape], outputs: list[Shape]) -> int:
        return self.window.canvas_size(inputs[0])

    def operations(self, inputs: list[Shape], outputs: list[Shape]) -> int:
        return self.window.canvas_size(inputs[0]) + self.window.taps_size(inputs[0])
