"""Conv and ConvTranspose."""

from typing import Any

from ..graph import Node, Tensor
from ..ops.add import Add
from ..ops.convolution import Convolution
from ..ops.convolution_backprop_data import ConvolutionBackpropData
from ..ops.registry import Operator
from .emitter import Emitter, writes
from .errors import OnnxError
from .node import OnnxNode, reads
from .windows import Ints, WindowAttributes, spatial_size, split_padding, window_attributes


@reads("Conv")
def conv(node: OnnxNode) -> Tensor:
    """Convolution `<name>/WithoutBiases` and Add `<name>`, as Model Optimizer splits it."""
    w = node.input(1)
    window = window_attributes(node, node.input(0), w.shape[2:])
    groups = node.attribute("group", 1)
    return with_bias(node, Convolution(**window.explicit(spatial_size(node.input(0))), dilations=window.dilations, groups=groups))


@reads("ConvTranspose")
def conv_transpose(node: OnnxNode) -> Tensor:
    size, w = spatial_size(node.input(0)), node.input(1)
    window = window_attributes(node, node.input(0), w.shape[2:])
    output_padding = node.attribute("output_padding", (0,) * len(size))
    begin, end, output_padding = _transposed_pads(window, size, node.attribute("output_shape"), output_padding)
    op = ConvolutionBackpropData(
        strides=window.strides,
        pads_begin=begin,
        pads_end=end,
        dilations=window.dilations,
        output_padding=output_padding,
        groups=node.attribute("group", 1),
    )
    return with_bias(node, op)


def _transposed_pads(window: WindowAttributes, size: Ints, output: Ints | None, output_padding: Ints) -> tuple[Ints, Ints, Ints]:
    """(pads_begin, pads_end, output_padding) that give the output size the node asks for.

    That is `output_shape` where it is given, and `size * strides` with auto_pad SAME; pads are what must be taken off the full result.
    """
    if output is None and not window.auto_pad.startswith("SAME"):
        return window.pads_begin, window.pads_end, output_padding
    if -1 in size:
        raise OnnxError(f"output_shape and auto_pad need a fixed spatial size, found {list(size)}")
    output = tuple(n * s for n, s in zip(size, window.strides, strict=True)) if output is None else output[-len(size) :]
    parts = zip(size, window.strides, window.reach, output_padding, output, strict=True)
    surplus = [(n - 1) * s + r + p - o for n, s, r, p, o in parts]
    begin, end = split_padding(tuple(max(0, t) for t in surplus), window.auto_pad)
    return begin, end, tuple(p + max(0, -t) for p, t in zip(output_padding, surplus, strict=True))


def with_bias(node: OnnxNode, op: Operator) -> Tensor:
    """The layer on inputs 0 and 1, and an Add of input 2 where there is one: (O,) becomes (1,O,1,1)."""
    if not node.has(2):
        return node.add(op, node.input(0), node.input(1))
    y = node.add(op, node.input(0), node.input(1), suffix="WithoutBiases")
    pattern = (1, y.shape[1], *(1,) * (len(y.shape) - 2))
    return node.add(Add(), y, node.reshaped(2, pattern))


# ---- the other way ---------------------------------------------------------------------------------------------------------------


@writes("Convolution")
def write_convolution(node: Emitter) -> None:
    emit_convolution(node, node.node)


@writes("ConvolutionBackpropData")
def write_transposed_convolution(node: Emitter) -> None:
    emit_convolution(node, node.node)


def emit_convolution(at: Emitter, layer: Node, bias: str = "") -> None:
    """A convolution of either kind in the place of `at`, which is the layer itself or the Add of its bias, (O,)."""
    op: Any = layer.op
    kernel = layer.inputs[1].shape[2:]
    x, w = (at.target.name(t) for t in layer.inputs)
    attributes = {"kernel_shape": kernel, "strides": op.strides, "pads": (*op.pads_begin, *op.pads_end), "dilations": op.dilations}
    if layer.type == "ConvolutionBackpropData":
        attributes["output_padding"] = op.output_padding
    kind = "Conv" if layer.type == "Convolution" else "ConvTranspose"
    at.emit(kind, x, w, *([bias] if bias else []), group=op.groups, **attributes)
