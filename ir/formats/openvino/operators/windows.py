"""Convolutions and pools: padding made explicit, and groups, which OpenVINO keeps in an axis of the weights,
made an attribute.
"""

from dataclasses import dataclass, replace
from typing import Literal

from ....graph import Tensor
from ....ops.avg_pool import AvgPool
from ....ops.common.axes import integers
from ....ops.common.operator import Ints, OperatorError
from ....ops.common.windows import Rounding
from ....ops.convolution import Convolution
from ....ops.convolution_backprop_data import ConvolutionBackpropData
from ....ops.max_pool import MaxPool
from ....ops.reshape import Reshape
from ...common.auto_pad import WindowAttributes, crop, split_padding, surplus
from ..node import OpenVinoNode, reads


@dataclass(frozen=True, kw_only=True)
class SlidingAttributes:
    """What all of them have, one number for each spatial dimension."""

    strides: Ints
    pads_begin: Ints
    pads_end: Ints
    auto_pad: Literal["explicit", "notset", "valid", "same_upper", "same_lower"] = "explicit"

    def window(self, kernel: Ints, dilations: Ints = ()) -> WindowAttributes:
        ones, zeros = (1,) * len(kernel), (0,) * len(kernel)
        auto_pad = "explicit" if self.auto_pad == "notset" else self.auto_pad
        begin, end = (self.pads_begin, self.pads_end) if auto_pad == "explicit" else (zeros, zeros)
        return WindowAttributes(kernel, self.strides, dilations or ones, begin, end, auto_pad)


# ---- convolutions ------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class ConvolutionAttributes(SlidingAttributes):
    dilations: Ints


@reads("Convolution")
def convolution(node: OpenVinoNode) -> Tensor:
    x, w = node.take(2)
    return _convolution(node, x, w, groups=1)


@reads("GroupConvolution")
def group_convolution(node: OpenVinoNode) -> Tensor:
    x, w = node.take(2)
    return _convolution(node, x, _merge_groups(node, w), groups=w.shape[0])


def _convolution(node: OpenVinoNode, x: Tensor, w: Tensor, groups: int) -> Tensor:
    attributes = node.read(ConvolutionAttributes)
    window = attributes.window(w.shape[2:], attributes.dilations)
    return node.add(
        Convolution(**window.explicit(x.shape[2:]), dilations=window.dilations, groups=groups), x, w
    )


@dataclass(frozen=True, kw_only=True)
class TransposedAttributes(ConvolutionAttributes):
    output_padding: Ints = ()


@reads("ConvolutionBackpropData")
def transposed_convolution(node: OpenVinoNode) -> Tensor:
    return _transposed_convolution(node, node.inputs[1], groups=1)


@reads("GroupConvolutionBackpropData")
def transposed_group_convolution(node: OpenVinoNode) -> Tensor:
    w = node.inputs[1]
    return _transposed_convolution(node, _merge_groups(node, w), groups=w.shape[0])


def _transposed_convolution(node: OpenVinoNode, w: Tensor, groups: int) -> Tensor:
    """The output's spatial size may be input 2; the pads then follow from it."""
    x, attributes = node.inputs[0], node.read(TransposedAttributes)
    window = attributes.window(w.shape[2:], attributes.dilations)
    begin, end = window.pads_begin, window.pads_end
    output_padding = attributes.output_padding or (0,) * len(window.kernel)
    if len(node.inputs) > 2:
        output = integers(node.known(2, "output_shape"), "output_shape")
        total = surplus(window, x.shape[2:], output, output_padding)
        if window.is_same:
            # the halves the other way round than in a convolution
            _, begin = split_padding(total, window.auto_pad)
        begin, end, output_padding = crop(total, begin, output_padding)
    op = ConvolutionBackpropData(
        strides=window.strides,
        pads_begin=begin,
        pads_end=end,
        dilations=window.dilations,
        output_padding=output_padding,
        groups=groups,
    )
    return node.add(op, x, w)


def _merge_groups(node: OpenVinoNode, w: Tensor) -> Tensor:
    """(G,O/G,I/G,*kernel) -> (O,I/G,*kernel)."""
    if len(w.shape) < 4:
        raise OperatorError(f"weights must be (groups, outputs, inputs, *kernel), found {list(w.shape)}")
    return node.add(Reshape(), w, node.constant((-1, *w.shape[2:]), "weights_shape"), suffix="weights")


# ---- pools -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class PoolAttributes(SlidingAttributes):
    kernel: Ints
    rounding_type: Rounding = "floor"


@dataclass(frozen=True, kw_only=True)
class MaxPoolAttributes(PoolAttributes):
    dilations: Ints = ()


@reads("MaxPool")
def max_pool(node: OpenVinoNode) -> Tensor:
    """The first output only: nothing here computes indices, which the ignored attributes are about."""
    (x,) = node.take(1)
    attributes = node.read(MaxPoolAttributes, ignored=("index_element_type", "axis"))
    window = attributes.window(attributes.kernel, attributes.dilations)
    pads = window.explicit(x.shape[2:])
    return node.add(
        MaxPool(
            kernel=window.kernel, **pads, dilations=window.dilations, rounding_type=attributes.rounding_type
        ),
        x,
    )


@dataclass(frozen=True, kw_only=True)
class AvgPoolAttributes(PoolAttributes):
    exclude_pad: bool


@reads("AvgPool")
def avg_pool(node: OpenVinoNode) -> Tensor:
    """What rounding up adds past the padding counts if the padding does and is not zero: it is read as more
    padding.
    """
    (x,) = node.take(1)
    attributes = node.read(AvgPoolAttributes)
    pads = attributes.window(attributes.kernel).explicit(x.shape[2:])
    op = AvgPool(
        kernel=attributes.kernel,
        **pads,
        exclude_pad=attributes.exclude_pad,
        rounding_type=attributes.rounding_type,
    )
    if not op.exclude_pad and op.rounding_type != "floor" and any(op.pads_begin + op.pads_end):
        op = replace(op, pads_end=pads_that_are_seen(op, x.shape[2:]), rounding_type="floor")
    return node.add(op, x)


def pads_that_are_seen(op: AvgPool, size: Ints) -> Ints:
    """How far behind an input of this size the last window ends, in each dimension; 0 if it ends before.
    OperatorError for an open size.
    """
    if -1 in size:
        raise OperatorError(f"rounding up needs a fixed spatial size, found {list(size)}")
    parts = zip(size, op.window.output_size(size), op.strides, op.kernel, op.pads_begin, strict=True)
    return tuple(max(0, (o - 1) * s + k - b - n) for n, o, s, k, b in parts)
