"""AvgPool: the mean of what each window sees (OpenVINO AvgPool-14).

One rule for what rounding up adds past the padding: it never counts, as in ONNX and PyTorch. OpenVINO divides
by the whole kernel there when the padding counts and is not zero.
"""

import functools

import numpy as np

from ..dtypes import FLOATS
from .common.operator import Ints, Operator, Shape, operator
from .common.windows import Rounding, Window, pool_shape, spatial_axes


@operator("AvgPool")
class AvgPool(Operator):
    kernel: Ints
    strides: Ints
    pads_begin: Ints
    pads_end: Ints
    exclude_pad: bool  # padding does not count in the divisor
    rounding_type: Rounding = "floor"

    accepts = FLOATS
    keeps_to_a_sample = True

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
        """(N,C,*spatial) -> (N,C,*output), summed in float32."""
        total = self.window.taps(x.astype(np.float32), 0).sum(axis=spatial_axes(x))
        return (total / self.divisor(x.shape[2:])).astype(x.dtype)

    def workspace(self, inputs: list[Shape], outputs: list[Shape]) -> int:
        return self.window.canvas_size(inputs[0])

    def operations(self, inputs: list[Shape], outputs: list[Shape]) -> int:
        return self.window.canvas_size(inputs[0]) + self.window.taps_size(inputs[0])

    def divisor(self, size: Ints) -> np.ndarray:
        """*output, float32: how many positions each window counts. What rounding up adds past the padding
        never counts.
        """
        counts = []
        for i, positions in enumerate(self.window.output_size(size)):
            start = np.arange(positions) * self.strides[i] - self.pads_begin[i]
            first, past = (
                (0, size[i]) if self.exclude_pad else (-self.pads_begin[i], size[i] + self.pads_end[i])
            )
            counts.append(np.minimum(start + self.kernel[i], past) - np.maximum(start, first))
        return functools.reduce(np.multiply.outer, counts).astype(np.float32)
