"""ConvolutionInteger: convolution of codes with int8 weights, summed in int32 (ours; ONNX ConvInteger when
exact).
"""

import math

import numpy as np

from numpot.kernels import reference

from .common.integer_arithmetic import IntegerProduct, require_block
from .common.operator import Ints, OperatorError, Shape, operator
from .common.windows import Window
from .convolution import convolution_shape, convolution_workspace


@operator("ConvolutionInteger")
class ConvolutionInteger(IntegerProduct):
    strides: Ints
    pads_begin: Ints
    pads_end: Ints
    dilations: Ints
    groups: int = 1
    # saturating, of a 1x1 kernel: no pair crosses the end of a block of so many channels; 0: all are one
    # block
    block: int = 0

    def infer_shape(self, x: Shape, w: Shape, x_zero_point: Shape) -> Shape:
        if len(x) != 4:
            raise OperatorError(f"input must be (N, C, H, W), found {list(x)}")
        if x_zero_point != (1, x[1], 1, 1) and math.prod(x_zero_point) != 1:
            raise OperatorError(
                f"x_zero_point must be one code, or one for each channel of {list(x)}, found shape "
                f"{list(x_zero_point)}"
            )
        require_block(self.block)
        if self.block and w[2:] != (1, 1):
            raise OperatorError(
                f"block must be 0 for a kernel of {list(w[2:])}, found {self.block}: pairs never leave "
                "a position of it"
            )
        return convolution_shape(x, w, self.groups, self.window(w[2:]))

    def window(self, kernel: Ints) -> Window:
        return Window(kernel, self.strides, self.pads_begin, self.pads_end, self.dilations)

    def evaluate(self, x: np.ndarray, w: np.ndarray, x_zero_point: np.ndarray) -> np.ndarray:
        """(N,C,H,W) u8, (O,C/groups,kh,kw) i8 -> (N,O,H',W') i32: sum of (x - x_zero_point) * w. Padding
        holds the code of real zero.

        x_zero_point: u8, one code or (1,C,1,1).
        """
        return reference.convolution(
            x,
            w,
            np.broadcast_to(x_zero_point.ravel(), x.shape[1]),
            strides=self.strides,
            pads_begin=self.pads_begin,
            pads_end=self.pads_end,
            dilations=self.dilations,
            groups=self.groups,
            arithmetic=self.arithmetic,
            block=self.block,
        )

    def workspace(self, inputs: list[Shape], outputs: list[Shape]) -> int:
        return convolution_workspace(inputs, outputs, self.window(inputs[1][2:]))

    def operations(self, inputs: list[Shape], outputs: list[Shape]) -> int:
        return convolution_workspace(inputs, outputs, self.window(inputs[1][2:])) + math.prod(
            outputs[0]
        ) * math.prod(inputs[1][1:])
