"""Operators that change a tensor's shape or type and not its numbers."""

import numpy as np

from ....dtypes import FLOATS, INTEGERS
from ....graph import Tensor
from ....ops.broadcast import Broadcast
from ....ops.convert import Convert
from ....ops.flatten import Flatten
from ....ops.not_equal import NotEqual
from ....ops.reshape import Reshape
from ....ops.squeeze import Squeeze
from ....ops.transpose import Transpose
from ....ops.unsqueeze import Unsqueeze
from ....simplify.edits import known_array
from ..errors import OnnxError
from ..node_writer import Emitter, writes
from ..onnx_node import OnnxNode, reads
from ..tensors import element_type


@reads("Identity")
def identity(node: OnnxNode) -> Tensor:
    return node.input(0)


@reads("Dropout", ignored=("ratio", "seed"))
def dropout(node: OnnxNode) -> Tensor:
    """Nothing is dropped at inference, nor at a ratio of 0."""
    ratio = float(node.known(1)) if node.has(1) else 0.5
    if node.has(2) and node.known(2).any() and ratio:
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


# ---- the other way -----------------------------------------------------------------------------------------


@writes("Convert")
def write_convert(node: Emitter) -> None:
    """A Cast; from floats to small integers by way of int64, because the Cast alone is undefined for what
    does not fit.
    """
    x, to = node.input(0), node.op.destination_type
    if node.dtype() in FLOATS and to in INTEGERS and to != np.int64:
        x = node.cast(x, np.dtype(np.int64), suffix="int64")
    node.cast(x, to)


@writes("Reshape")
def write_reshape(node: Emitter) -> None:
    """ONNX copies a dimension where the pattern has a zero, as special_zero says here, unless allowzero
    forbids it.
    """
    pattern = known_array(node.node.inputs[1])
    keeps_zeros = not node.op.special_zero and (pattern is None or 0 in pattern)
    node.emit("Reshape", node.input(0), node.as_int64(1, "pattern"), allowzero=1 if keeps_zeros else None)


@writes("Flatten")
def write_flatten(node: Emitter) -> None:
    """Write a Reshape if codes are flattened, because onnxruntime moves a DequantizeLinear through it."""
    if node.op.axis == 1 and node.node.inputs[0].producer.type == "FakeQuantize":
        node.emit("Reshape", node.input(0), node.constant((0, -1), "pattern"))
    else:
        node.emit("Flatten", node.input(0), axis=node.op.axis)


@writes("Transpose")
def write_transpose(node: Emitter) -> None:
    node.emit("Transpose", node.input(0), perm=node.integers(1) or None)


@writes("Squeeze", "Unsqueeze")
def write_squeeze(node: Emitter) -> None:
    node.emit(node.node.type, node.input(0), *([node.as_int64(1, "axes")] if node.has(1) else []))


@writes("Broadcast")
def write_broadcast(node: Emitter) -> None:
    node.emit("Expand", node.input(0), node.as_int64(1, "shape"))
