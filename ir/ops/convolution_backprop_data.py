"""ConvolutionBackpropData: transposed convolution, each input element paints the kernel, weighted, onto the
output.

OpenVINO ConvolutionBackpropData-1 and GroupConvolutionBackpropData-1 in one; ONNX calls it ConvTranspose.
"""

import math

import numpy as np

from ..dtypes import FLOATS
from .common.operator import Ints, Operator, OperatorError, Shape, operator
from .common.windows import Window
from .convolution import check_groups


@operator("ConvolutionBackpropData")
class ConvolutionBackpropData(Operator):
    strides: Ints
    pads_begin: Ints  # taken off the output, not added to the input
    pads_end: Ints
    dilations: Ints
    output_padding: Ints  # added at the end of the output, where no input may reach
    groups: int = 1

    accepts = FLOATS
    keeps_to_a_sample = True

    def canvas(self, size: Ints, kernel: Ints) -> Ints:
        """The output's spatial size before the pads are taken off."""
        reach = Window(kernel, self.strides, self.pads_begin, self.pads_end, self.dilations).reach
        if len(self.output_padding) != len(kernel) or any(
            not 0 <= p < s for p, s in zip(self.output_padding, self.strides, strict=True)
        ):
            raise OperatorError(
                f"output_padding must be from 0 to below strides {list(self.strides)}, found "
                f"{list(self.output_padding)}"
            )
        return tuple(
            (i - 1) * s + r + p
            for i, s, r, p in zip(size, self.strides, reach, self.output_padding, strict=True)
        )

    def infer_shape(self, x: Shape, w: Shape) -> Shape:
        check_groups(x, w, self.groups, outputs=w[0])
        if x[1] != w[0]:
            raise OperatorError(f"weights {list(w)} need {w[0]} input channels, found {x[1]}")
        canvas = self.canvas(x[2:], w[2:])
        size = tuple(c - b - e for c, b, e in zip(canvas, self.pads_begin, self.pads_end, strict=True))
        if 0 in x[2:] or min(size) < 1:
            raise OperatorError(
                f"pads_begin {list(self.pads_begin)} and pads_end {list(self.pads_end)} leave nothing "
                f"of {list(canvas)}"
            )
        return (x[0], w[1] * self.groups, *size)

    def evaluate(self, x: np.ndarray, w: np.ndarray) -> np.ndarray:
        """(N,C,*spatial), (C,O/groups,*kernel) -> (N,O,*output), summed in float32."""
        N, C, *size = x.shape
        kernel = w.shape[2:]
        columns = w.astype(np.float32).reshape(self.groups, C // self.groups, math.prod(w.shape[1:]))
        rows = x.astype(np.float32).reshape(N, self.groups, C // self.groups, math.prod(size))
        painted = (columns.swapaxes(1, 2) @ rows).reshape(N, self.groups * w.shape[1], *kernel, *size)
        return self.paint(painted, tuple(size), kernel).astype(x.dtype)

    def workspace(self, inputs: list[Shape], outputs: list[Shape]) -> int:
        """What every position paints, and where it falls."""
        (N, _, *size), w = inputs[0], inputs[1]
        painted = self.groups * math.prod(w[1:]) * math.prod(size)
        return N * (painted + self.groups * w[1] * math.prod(self.canvas(tuple(size), w[2:])))

    def operations(self, inputs: list[Shape], outputs: list[Shape]) -> int:
        return self.workspace(inputs, outputs) + math.prod(inputs[0]) * math.prod(inputs[1][1:])

    def paint(self, painted: np.ndarray, size: Ints, kernel: Ints) -> np.ndarray:
        """(N,O,*kernel,*spatial) -> (N,O,*output), same type: what every tap paints, summed where
        it falls.
        """
        canvas = np.zeros((*painted.shape[:2], *self.canvas(size, kernel)), painted.dtype)
        for tap in np.ndindex(kernel):
            where = [
                slice(k * d, k * d + (i - 1) * s + 1, s)
                for k, d, i, s in zip(tap, self.dilations, size, self.strides, strict=True)
            ]
            canvas[:, :, *where] += painted[:, :, *tap]
        crop = [
            slice(b, c - e) for b, e, c in zip(self.pads_begin, self.pads_end, canvas.shape[2:], strict=True)
        ]
        return canvas[:, :, *crop]
