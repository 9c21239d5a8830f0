"""Conv and ConvTranspose."""

from typing import Any

from ....graph import Node, Tensor
from ....ops.add import Add
from ....ops.common.operator import Ints, Operator
from ....ops.convolution import Convolution
from ....ops.convolution_backprop_data import ConvolutionBackpropData
from ...common.auto_pad import WindowAttributes, crop, split_padding, surplus
from ..node_writer import Emitter, writes
from ..onnx_node import OnnxNode, reads
from .windows import spatial_size, window_attributes


@reads("Conv")
def conv(node: OnnxNode) -> Tensor:
    """Convolution `<name>/WithoutBiases` and Add `<name>`, as Model Optimizer splits it."""
    w = node.input(1)
    window = window_attributes(node, node.input(0), w.shape[2:])
    groups = node.attribute("group", 1)
    return with_bias(
        node,
        Convolution(
            **window.explicit(spatial_size(node.input(0))), dilations=window.dilations, groups=groups
        ),
    )


@reads("ConvTranspose")
def conv_transpose(node: OnnxNode) -> Tensor:
    size, w = spatial_size(node.input(0)), node.input(1)
    window = window_attributes(node, node.input(0), w.shape[2:])
    output_padding = node.attribute("output_padding", (0,) * len(size))
    begin, end, output_padding = _transposed_pads(
        window, size, node.attribute("output_shape"), output_padding
    )
    op = ConvolutionBackpropData(
        strides=window.strides,
        pads_begin=begin,
        pads_end=end,
        dilations=window.dilations,
        output_padding=output_padding,
        groups=node.attribute("group", 1),
    )
    return with_bias(node, op)


def _transposed_pads(
    window: WindowAttributes, size: Ints, output: Ints | None, output_padding: Ints
) -> tuple[Ints, Ints, Ints]:
    """(pads_begin, pads_end, output_padding): the output's size is `output_shape` if given, and `size *
    strides` with auto_pad SAME.
    """
    if output is None and not window.is_same:
        return window.pads_begin, window.pads_end, output_padding
    output = (
        tuple(n * s for n, s in zip(size, window.strides, strict=True))
        if output is None
        else output[-len(size) :]
    )
    total = surplus(window, size, output, output_padding)
    begin, _ = split_padding(total, window.auto_pad)
    return crop(total, begin, output_padding)


def with_bias(node: OnnxNode, op: Operator) -> Tensor:
    """The layer on inputs 0 and 1, and an Add of input 2 where there is one: (O,) becomes (1,O,1,1)."""
    if not node.has(2):
        return node.add(op, node.input(0), node.input(1))
    y = node.add(op, node.input(0), node.input(1), suffix="WithoutBiases")
    pattern = (1, y.shape[1], *(1,) * (len(y.shape) - 2))
    return node.add(Add(), y, node.reshaped(2, pattern))


# ---- the other way -----------------------------------------------------------------------------------------


@writes("Convolution")
def write_convolution(node: Emitter) -> None:
    emit_convolution(node, node.node)


@writes("ConvolutionBackpropData")
def write_transposed_convolution(node: Emitter) -> None:
    emit_convolution(node, node.node)


def emit_convolution(at: Emitter, layer: Node, bias: str = "") -> None:
    """A convolution of either kind in the place of `at`, which is the layer itself or the Add of its bias,
    (O,).
    """
    op: Any = layer.op
    kernel = layer.inputs[1].shape[2:]
    x, w = (at.target.name(t) for t in layer.inputs)
    attributes = {
        "kernel_shape": kernel,
        "strides": op.strides,
        "pads": (*op.pads_begin, *op.pads_end),
        "dilations": op.dilations,
    }
    if layer.type == "ConvolutionBackpropData":
        attributes["output_padding"] = op.output_padding
    kind = "Conv" if layer.type == "Convolution" else "ConvTranspose"
    at.emit(kind, x, w, *([bias] if bias else []), group=op.groups, **attributes)
