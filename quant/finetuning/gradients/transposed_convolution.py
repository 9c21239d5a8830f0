"""ConvolutionBackpropData: what a convolution does backwards, so its own gradients are what a convolution
does forwards; convolution.py shows the three sums.
"""

import numpy as np

from numpot.ir.ops.common.operator import Ints
from numpot.ir.ops.common.windows import Window
from numpot.ir.ops.convolution_backprop_data import ConvolutionBackpropData

from .convolution import correlate, spread, weight_gradient
from .registry import Call, Gradients, forward, gradient


@forward("ConvolutionBackpropData")
def transposed_convolve(op: ConvolutionBackpropData, x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """(N,C,*spatial), (C,O/groups,*kernel) -> (N,O,*output)."""
    return spread(x, w, _window(op, w.shape[2:]), op.groups, op.infer_shape(x.shape, w.shape)[2:])


@gradient("ConvolutionBackpropData")
def transposed_convolution(call: Call, dy: np.ndarray) -> Gradients:
    x, w = call.inputs
    window, groups = _window(call.op, w.shape[2:]), call.op.groups
    dx = correlate(dy, w, window, groups) if call.wanted[0] else None
    dw = weight_gradient(dy, x, window, groups) if call.wanted[1] else None
    return [dx, dw]


def _window(op: ConvolutionBackpropData, kernel: Ints) -> Window:
    """That of the convolution whose input is this operator's output."""
    return Window(kernel, op.strides, op.pads_begin, op.pads_end, op.dilations)
