"""ConvolutionBackpropDataInteger: transposed convolution of codes with int8 weights, summed in
int32 (ours).
"""

import math

import numpy as np

from numpot.kernels.reference import INT16_MAX, INT16_MIN

from .common.integer_arithmetic import IntegerProduct
from .common.operator import Ints, OperatorError, Shape, operator
from .convolution_backprop_data import ConvolutionBackpropData


@operator("ConvolutionBackpropDataInteger")
class ConvolutionBackpropDataInteger(IntegerProduct):
    strides: Ints
    pads_begin: Ints
    pads_end: Ints
    dilations: Ints
    output_padding: Ints
    groups: int = 1

    @property
    def _float(self) -> ConvolutionBackpropData:
        return ConvolutionBackpropData(
            strides=self.strides,
            pads_begin=self.pads_begin,
            pads_end=self.pads_end,
            dilations=self.dilations,
            output_padding=self.output_padding,
            groups=self.groups,
        )

    def infer_shape(self, x: Shape, w: Shape, x_zero_point: Shape) -> Shape:
        if math.prod(x_zero_point) != 1:
            raise OperatorError(f"x_zero_point must be one code, found shape {list(x_zero_point)}")
        return self._float.infer_shape(x, w)

    def evaluate(self, x: np.ndarray, w: np.ndarray, x_zero_point: np.ndarray) -> np.ndarray:
        """(N,C,*spatial) u8, (C,O/groups,*kernel) i8 -> (N,O,*output) i32: sum of (x - x_zero_point) * w.
        x_zero_point: u8, one code.
        """
        zero = np.int32(x_zero_point.item())
        if self.arithmetic == "exact":
            return self._float.paint(self._products(x.astype(np.int32) - zero, w), x.shape[2:], w.shape[2:])
        depth = x.shape[1] // self.groups
        total: np.ndarray = self._float.paint(
            self._products(np.full_like(x, -1, np.int32) * zero, w), x.shape[2:], w.shape[2:]
        )
        for first in range(0, depth, 2):  # two neighbouring channels of each group
            pair = [g * depth + c for g in range(self.groups) for c in range(first, min(first + 2, depth))]
            clipped = np.clip(self._products(x[:, pair].astype(np.int32), w[pair]), INT16_MIN, INT16_MAX)
            total += self._float.paint(clipped, x.shape[2:], w.shape[2:])
        return total

    def workspace(self, inputs: list[Shape], outputs: list[Shape]) -> int:
        return self._float.workspace(inputs, outputs)

    def operations(self, inputs: list[Shape], outputs: list[Shape]) -> int:
        return self._float.operations(inputs, outputs)

    def _products(self, x: np.ndarray, w: np.ndarray) -> np.ndarray:
        """(N,C,*spatial) s32, (C,O/groups,*kernel) s8 -> (N,O,*kernel,*spatial) s32: what each position
        paints.
        """
        N, C, *size = x.shape
        columns = w.astype(np.int32).reshape(self.groups, C // self.groups, math.prod(w.shape[1:]))
        rows = x.reshape(N, self.groups, C // self.groups, math.prod(size))
        return (columns.swapaxes(1, 2) @ rows).reshape(N, self.groups * w.shape[1], *w.shape[2:], *size)
