"""Operators that change a tensor's shape or type and not its numbers."""

import numpy as np

from ..graph import Tensor
from ..ops.broadcast import Broadcast
from ..ops.convert import Convert
from ..ops.flatten import Flatten
from ..ops.not_equal import NotEqual
from ..ops.reshape import Reshape
from ..ops.squeeze import Squeeze
from ..ops.transpose import Transpose
from ..ops.unsqueeze import Unsqueeze
from .errors import OnnxError
from .node import OnnxNode, reads
from .tensors import element_type


@reads("Identity")
def identity(node: OnnxNode) -> Tensor:
    return node.input(0)


@reads("Dropout", ignored=("ratio", "seed"))
def dropout(node: OnnxNode) -> Tensor:
    """Nothing is dropped at inference."""
    if node.has(2) and node.known(2).any():
        raise OnnxError("training_mode true is not supported; export the model for inference")
    return node.input(0)


@reads("Cast", "CastLike", ignored=("saturate",))
def cast(node: OnnxNode) -> Tensor:
    """`saturate` speaks of 8-bit floats only. Every number but zero is true."""
    x = node.input(0)
    dtype = element_type(node.attribute("to", 0)) if node.type == "Cast" else node.input(1).dtype
    if dtype == np.bool_ and x.dtype != np.bool_:
        return node.add(NotEqual(), x, node.constant(0, "zero", x.dtype))
    return node.add(Convert(destination_type=dtype), x)


@reads("Reshape")
def reshape(node: OnnxNode) -> Tensor:
    return node.add(Reshape(special_zero=not node.attribute("allowzero", 0)), node.input(0), node.input(1))


@reads("Flatten")
def flatten(node: OnnxNode) -> Tensor:
    return node.add(Flatten(axis=node.attribute("axis", 1)), node.input(0))


@reads("Transpose")
def transpose(node: OnnxNode) -> Tensor:
    x = node.input(0)
    order = node.attribute("perm", tuple(reversed(range(len(x.shape)))))
    return node.add(Transpose(), x, node.constant(order, "order"))


@reads("Squeeze", until=12)
def squeeze_by_attribute(node: OnnxNode) -> Tensor:
    axes = node.attribute("axes")
    return node.add(Squeeze(), node.input(0), *([] if axes is None else [node.constant(axes, "axes")]))


@reads("Squeeze", since=13)
def squeeze_by_input(node: OnnxNode) -> Tensor:
    return node.add(Squeeze(), node.input(0), *([node.input(1)] if node.has(1) else []))


@reads("Unsqueeze", until=12)
def unsqueeze_by_attribute(node: OnnxNode) -> Tensor:
    return node.add(Unsqueeze(), node.input(0), node.constant(node.attribute("axes", ()), "axes"))


@reads("Unsqueeze", since=13)
def unsqueeze_by_input(node: OnnxNode) -> Tensor:
    return node.add(Unsqueeze(), node.input(0), node.input(1))


@reads("Expand")
def expand(node: OnnxNode) -> Tensor:
    return node.add(Broadcast(mode="bidirectional"), node.input(0), node.input(1))
