"""Access the weights, bias and channels of a layer with weights (Convolution, ConvolutionBackpropData,
MatMul).
"""

import numpy as np

from numpot.ir.dtypes import F16, F32
from numpot.ir.graph import Graph, Node, Tensor
from numpot.ir.ops.add import Add
from numpot.ir.ops.matmul import MatMul

from .device_operators import WEIGHTED


def weighted_layers(graph: Graph) -> list[Node]:
    """Layers with constant weights, in topological order."""
    return [n for n in graph.topological_order() if n.type in WEIGHTED and n.inputs[1].constant is not None]


def bias_add(layer: Node) -> Node | None:
    """The Add of a constant that is the layer's only reader, or None."""
    readers = layer.output.consumers
    if len(readers) == 1 and readers[0].node.type == "Add" and readers[0].node.inputs[1].constant is not None:
        return readers[0].node
    return None


def biased_output(layer: Node) -> Tensor:
    """What a layer that has a bias gives with it."""
    add = bias_add(layer)
    assert add is not None
    return add.output


def channel_constant(node: Node) -> np.ndarray | None:
    """The constant second input of an elementwise operator, shaped (C, 1...) or (1, 1...) against (C, ...) of
    the first; or None.
    """
    value, shape = node.inputs[1].constant, node.inputs[0].shape
    if value is None or value.ndim > len(shape) or node.output.shape != shape:
        return None
    aligned = value.reshape((1,) * (len(shape) - value.ndim) + value.shape)
    return aligned[0] if aligned.shape[0] == 1 else None


def channel_axis(layer: Node) -> int:
    """The axis of the output's channels."""
    return -1 if layer.type == "MatMul" else 1


def output_channel_axis_of_weights(layer: Node) -> int:
    return 1 if layer.type == "ConvolutionBackpropData" else 0


def replace_constant(graph: Graph, node: Node, port: int, value: np.ndarray) -> None:
    """Give one input of a node another constant, leaving other readers of the old one alone."""
    old = node.inputs[port]
    new = graph.constant(value, graph.unique_name(old.producer.name))
    graph.set_input(node, port, new)
    if not old.consumers:
        graph.remove(old.producer)
        graph.rename(new.producer, old.producer.name)


def prepare(graph: Graph) -> None:
    """The normal form that the algorithms expect, in place: float32 constants, transposed weights, a bias
    everywhere.
    """
    for node in list(graph):
        if (
            node.type == "Convert"
            and node.inputs[0].dtype == F16
            and node.inputs[0].constant is not None
            and node.output.dtype == F32
        ):
            _fold_half_precision(graph, node)
    for node in list(graph):
        if node.type == "MatMul":
            _store_weights_by_output_channel(graph, node)
        elif node.type == "Convolution" and node.inputs[1].constant is not None and bias_add(node) is None:
            _add_zero_bias(graph, node)


def _fold_half_precision(graph: Graph, convert: Node) -> None:
    half = convert.inputs[0].producer
    value = graph.constant(convert.inputs[0].constant.astype(np.float32), graph.unique_name(half.name))  # type: ignore[union-attr]
    graph.redirect(convert.output, value)
    graph.remove(convert)
    if not half.output.consumers:
        graph.remove(half)
        graph.rename(value.producer, half.name)


def _store_weights_by_output_channel(graph: Graph, node: Node) -> None:
    """x @ W becomes x @ W'.T with W' of shape (out, in), so that axis 0 is the output channel as in a
    convolution.
    """
    weights, op = node.inputs[1].constant, node.op
    assert isinstance(op, MatMul)
    if weights is not None and weights.ndim > 1 and not op.transpose_b:
        replace_constant(graph, node, 1, np.ascontiguousarray(np.swapaxes(weights, -1, -2)))
        graph.replace_op(node, MatMul(transpose_a=op.transpose_a, transpose_b=True))


def _add_zero_bias(graph: Graph, layer: Node) -> None:
    channels = layer.output.shape[1]
    zeros = np.zeros((1, channels, *(1,) * (len(layer.output.shape) - 2)), np.float32)
    readers: Tensor = layer.output
    bias = graph.add(
        Add(),
        [readers, graph.constant(zeros, graph.unique_name(f"{layer.name}/bias"))],
        graph.unique_name(f"{layer.name}/add_"),
    )
    graph.redirect(layer.output, bias.output, but=[bias])
