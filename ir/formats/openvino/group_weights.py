"""The weights of a grouped convolution, stored small: (G,O/G,I/G,*kernel) becomes (O,I/G,*kernel) in the
file's own constants.

    Constant(i8, 5-D) -> Convert -> Multiply(scale, 5-D) -> Reshape(4-D)     as OpenVINO and NNCF store them
    Constant(i8, 4-D) -> Convert -> Multiply(scale, 4-D)                     what is made of it

POT stores them as they are wanted here, and reshapes at the end; then nothing but the Reshapes goes.
"""

import numpy as np

from ...graph import Graph, Node, Tensor
from ...ops.common.operator import Shape
from ...ops.reshape import Reshape

Copies = dict[tuple[Tensor, Shape], Tensor]  # by the tensor, and the shape of the weights that it is made for

GROUPED = ("Convolution", "ConvolutionBackpropData")
# element by element, from what is stored to what it stands for
UNPACKING = ("Convert", "Subtract", "Multiply", "FakeQuantize")


def merge_group_axes(graph: Graph) -> None:
    """Take out the Reshapes that stand between stored weights and a grouped convolution. Float weights are
    left to simplify.
    """
    copies: Copies = {}
    for layer in graph.of_type(*GROUPED):
        weights = layer.inputs[1]
        stored = _above_reshapes(weights)
        if stored is weights or stored.constant is not None:
            continue
        if stored.shape == weights.shape:
            graph.set_input(layer, 1, stored)
        elif _merged_shape(stored.shape) == weights.shape and _is_unpacked(stored, stored.shape):
            graph.set_input(layer, 1, _merged(graph, stored, stored.shape, copies))
    graph.prune()
    for (old, _), copy in copies.items():
        if old.producer.name not in graph.nodes:
            graph.rename(copy.producer, old.producer.name)


def split_group_axis(graph: Graph, layer: Node) -> list[Node]:
    """The other way round, as POT does it: a Reshape of a grouped convolution's weights gives the groups an
    axis. Returns what is added.

    For writing only: no shape is inferred, because a Convolution here has no such axis.
    """
    if layer.type not in GROUPED or layer.op.groups == 1:  # type: ignore[attr-defined]
        return []
    weights = layer.inputs[1]
    pattern = np.array([layer.op.groups, -1, *weights.shape[1:]])  # type: ignore[attr-defined]
    shape = graph.constant(pattern, graph.unique_name(f"{layer.name}/groups_shape"))
    grouped = graph.add(Reshape(), [weights, shape], graph.unique_name(f"{layer.name}/groups"))
    graph.set_input(layer, 1, grouped.output)
    return [shape.producer, grouped]


def _above_reshapes(tensor: Tensor) -> Tensor:
    while tensor.producer.type == "Reshape":
        tensor = tensor.producer.inputs[0]
    return tensor


def _merged_shape(shape: Shape) -> Shape:
    return (shape[0] * shape[1], *shape[2:]) if len(shape) > 3 else shape


def _is_unpacked(tensor: Tensor, shape: Shape) -> bool:
    """Whether a tensor is made from Constants, each of the rank of `shape` or a single number, element by
    element.
    """
    if tensor.constant is not None:
        return len(tensor.shape) == len(shape) or tensor.constant.size == 1
    node = tensor.producer
    return node.type in UNPACKING and all(_is_unpacked(t, shape) for t in node.inputs)


def _merged(graph: Graph, tensor: Tensor, shape: Shape, copies: Copies) -> Tensor:
    """The tensor, which broadcasts against `shape`, with the first two axes merged: a copy of what it is made
    by.
    """
    if (tensor, shape) not in copies and len(tensor.shape) == len(shape):
        copies[tensor, shape] = _copy(graph, tensor.producer, shape, copies).output
    return copies.get((tensor, shape), tensor)


def _copy(graph: Graph, node: Node, shape: Shape, copies: Copies) -> Node:
    name = graph.unique_name(node.name)
    value = node.output.constant
    if value is None:
        return graph.add(node.op, [_merged(graph, t, shape, copies) for t in node.inputs], name)
    full = value if value.shape[:2] == (1, 1) else np.broadcast_to(value, (*shape[:2], *value.shape[2:]))
    return graph.constant(full.reshape(_merged_shape(full.shape)), name).producer
