"""Convolution: each output channel is a weighted sum of what a window sees in the input channels of its
group.

OpenVINO Convolution-1 and GroupConvolution-1 in one: depthwise convolution is `groups` equal to the number of
channels.
"""

import math

import numpy as np

from ..dtypes import FLOATS
from .common.operator import Ints, Operator, OperatorError, Shape, operator
from .common.windows import Window, spatial_shape


@operator("Convolution")
class Convolution(Operator):
    strides: Ints
    pads_begin: Ints
    pads_end: Ints
    dilations: Ints
    groups: int = 1

    accepts = FLOATS
    keeps_to_a_sample = True

    def window(self, kernel: Ints) -> Window:
        return Window(kernel, self.strides, self.pads_begin, self.pads_end, self.dilations)

    def infer_shape(self, x: Shape, w: Shape) -> Shape:
        return convolution_shape(x, w, self.groups, self.window(w[2:]))

    def evaluate(self, x: np.ndarray, w: np.ndarray) -> np.ndarray:
        """(N,C,*spatial), (O,C/groups,*kernel) -> (N,O,*output), summed in float32: one matrix product a
        sample and group.
        """
        window = self.window(w.shape[2:])
        output, depth = window.output_size(x.shape[2:]), math.prod(w.shape[1:])
        taps = window.taps(x.astype(np.float32), 0)  # (N,C,*kernel,*output)
        rows = taps.reshape(len(x), self.groups, depth, math.prod(output))
        matrices = w.astype(np.float32).reshape(self.groups, len(w) // self.groups, depth)
        return (matrices @ rows).reshape(len(x), len(w), *output).astype(x.dtype)

    def workspace(self, inputs: list[Shape], outputs: list[Shape]) -> int:
        return convolution_workspace(inputs, outputs, self.window(inputs[1][2:]))

    def operations(self, inputs: list[Shape], outputs: list[Shape]) -> int:
        return convolution_workspace(inputs, outputs, self.window(inputs[1][2:])) + math.prod(
            outputs[0]
        ) * math.prod(inputs[1][1:])


def convolution_workspace(inputs: list[Shape], outputs: list[Shape], window: Window) -> int:
    """The padded input, what every output position sees of it, and the sums."""
    return window.canvas_size(inputs[0]) + window.taps_size(inputs[0]) + math.prod(outputs[0])


def convolution_shape(x: Shape, w: Shape, groups: int, window: Window) -> Shape:
    """(N,C,*spatial), (O,C/groups,*kernel) -> (N,O,*output)."""
    check_groups(x, w, groups, outputs=w[0])
    if x[1] != w[1] * groups:
        raise OperatorError(
            f"weights {list(w)} with {groups} groups need {w[1] * groups} input channels, found {x[1]}"
        )
    return (x[0], w[0], *window.output_size(x[2:]))


def check_groups(x: Shape, w: Shape, groups: int, outputs: int) -> None:
    """What weights of any convolution must satisfy: as many dimensions as the input, and whole groups of
    channels.
    """
    if len(w) != 2 + len(spatial_shape(x)):
        raise OperatorError(f"weights must have {len(x)} dimensions like the input, found {list(w)}")
    if groups < 1 or outputs % groups:
        raise OperatorError(f"groups must divide the {outputs} channels of the weights, found {groups}")
