"""Add is written as the bias of the layer above it, where it is one: that is the form runtimes have kernels
for.
"""

import math

import numpy as np

from ....graph import Node
from ....lowering.lower import integer_weights
from ..node_writer import Emitter, writes
from .convolutions import emit_convolution
from .linear import emit_matmul

CONVOLUTIONS = ("Convolution", "ConvolutionBackpropData")


@writes("Add")
def write_add(node: Emitter) -> None:
    layer, vector = node.node.inputs[0].producer, _bias(node.node)
    if vector is None:
        node.emit("Add", *node.inputs())
        return
    bias = node.array(vector, node.target.name(node.node.inputs[1]))
    if layer.type in CONVOLUTIONS:
        emit_convolution(node, layer, bias)
    else:
        emit_matmul(node, layer, bias)


def _bias(add: Node) -> np.ndarray | None:
    """The constant term, (O,), if this Add alone reads a layer and adds one number to each of its output
    channels.

    A matrix product of int8 weights keeps its Add: onnxruntime's QGemm then leaves the bias in float.
    """
    tensor, term = add.inputs
    layer, value = tensor.producer, term.constant
    if value is None or len(tensor.consumers) != 1:
        return None
    rank, channels = len(tensor.shape), 1
    if layer.type == "MatMul":
        if any(len(t.shape) != 2 for t in layer.inputs) or integer_weights(layer.inputs[1]) is not None:
            return None
    elif layer.type not in CONVOLUTIONS:
        return None
    count = tensor.shape[channels]
    aligned = (1,) * (rank - value.ndim) + value.shape
    if value.size != count or value.ndim > rank or aligned[channels] != count or math.prod(aligned) != count:
        return None
    return value.reshape(-1)
