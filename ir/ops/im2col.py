"""Im2Col: every window of an image of codes laid out as a column of channels, as a matrix product reads it
(ours; docs/arithmetic.md).

    a = sum_i min(max(p_i, -32768), 32767) - z sum_t,c w_t,c
    p_i = q'_2i w'_2i + q'_2i+1 w'_2i+1,   q'_(t G + c) = q_t,c                                      (7b)

q_t,c is the code of channel c (of G in a group) at tap t of the kernel, w its weight, z the zero point; q' is
the column, here of four taps of three channels, with its pairs:

    tap 0   tap 1   tap 2   tap 3
    0 1 2   0 1 2   0 1 2   0 1 2          channels c
    +-+ +---+ +-+   +-+ +---+ +-+          a pair may hold the last channel of a tap and the first of the next

A convolution is then a 1x1 convolution of the columns. Runtimes that have no kernel of their own for a
convolution do this first; which products are neighbours, and clip together in saturating arithmetic, follows
from it.
"""

import math

import numpy as np

from ..dtypes import NAMES, U8, DType
from .common.operator import Ints, Operator, OperatorError, Shape, operator
from .common.windows import Window


@operator("Im2Col")
class Im2Col(Operator):
    kernel: Ints
    strides: Ints
    pads_begin: Ints
    pads_end: Ints
    dilations: Ints
    groups: int = 1

    @property
    def window(self) -> Window:
        return Window(self.kernel, self.strides, self.pads_begin, self.pads_end, self.dilations)

    def infer_shape(self, x: Shape, border: Shape) -> Shape:
        if len(x) != 4 or len(self.kernel) != 2:
            raise OperatorError(
                f"x must be (N, C, H, W) and kernel two numbers, found {list(x)} and {list(self.kernel)}"
            )
        if math.prod(border) != 1:
            raise OperatorError(f"border must be one code, found shape {list(border)}")
        if self.groups < 1 or x[1] % self.groups:
            raise OperatorError(f"groups must divide the {x[1]} channels, found {self.groups}")
        return (x[0], x[1] * math.prod(self.kernel), *self.window.output_size(x[2:]))

    def infer_dtype(self, *dtypes: DType) -> DType:
        if set(dtypes) != {U8}:
            raise OperatorError("inputs must be u8, found " + ", ".join(NAMES[d] for d in dtypes))
        return U8

    def evaluate(self, x: np.ndarray, border: np.ndarray) -> np.ndarray:
        """(N,C,H,W) u8, one u8 -> (N,groups*kh*kw*G,H',W') u8, G = C / groups: for each group, tap by tap,
        its channels.
        """
        n, c = x.shape[:2]
        taps = self.window.taps(x, border.item())  # (N,C,kh,kw,H',W')
        size = taps.shape[4:]
        number = math.prod(self.kernel)
        by_group = taps.reshape(n, self.groups, c // self.groups, number, *size)
        return by_group.swapaxes(2, 3).reshape(n, c * number, *size)
