"""SumPool: the sum of what each window sees; padding adds nothing (ours; a mean of codes is their sum times
1/n).
"""

import numpy as np

from ..dtypes import F32
from .common.operator import Ints, Operator, Shape, operator
from .common.windows import Rounding, Window, pool_shape, spatial_axes


@operator("SumPool")
class SumPool(Operator):
    kernel: Ints
    strides: Ints
    pads_begin: Ints
    pads_end: Ints
    rounding_type: Rounding = "floor"

    accepts = (F32,)

    @property
    def window(self) -> Window:
        return Window(
            self.kernel,
            self.strides,
            self.pads_begin,
            self.pads_end,
            (1,) * len(self.kernel),
            self.rounding_type,
        )

    def infer_shape(self, x: Shape) -> Shape:
        return pool_shape(x, self.window)

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        """(N,C,*spatial) -> (N,C,*output), float32."""
        return self.window.taps(x, 0).sum(axis=spatial_axes(x))

    def workspace(self, inputs: list[Shape], outputs: list[Shape]) -> int:
        return self.window.canvas_size(inputs[0])

    def operations(self, inputs: list[Shape], outputs: list[Shape]) -> int:
        return self.window.canvas_size(inputs[0]) + self.window.taps_size(inputs[0])
