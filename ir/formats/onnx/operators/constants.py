"""What makes data out of nothing, or out of a shape."""

import numpy as np

from ....dtypes import F32, I64
from ....graph import Tensor
from ....ops.broadcast import Broadcast
from ....ops.constant import Constant
from ....ops.reduce_prod import ReduceProd
from ....ops.shape_of import ShapeOf
from ....ops.slice import Slice
from ....shape_inference import MAX_KNOWN_ELEMENTS
from ..errors import OnnxError
from ..node_writer import Emitter, writes
from ..onnx_node import OnnxNode, reads
from ..tensors import sparse_to_array, to_array


@reads("Constant")
def constant(node: OnnxNode) -> Tensor:
    """Named as the node. Only one of the attributes is there."""
    tensor, sparse = node.attribute("value"), node.attribute("sparse_value")
    floats, integers = (
        node.attribute(f"value_{kind}", node.attribute(f"value_{kind}s")) for kind in ("float", "int")
    )
    if tensor is not None:
        value = to_array(tensor, node.scope.files)
    elif sparse is not None:
        value = sparse_to_array(sparse, node.scope.files)
    elif floats is not None:
        value = np.array(floats, F32)
    elif integers is not None:
        value = np.array(integers, I64)
    else:
        raise OnnxError("a Constant must hold numbers: value, sparse_value, value_float(s) or value_int(s)")
    return node.add(Constant(value=value))


@reads("ConstantOfShape")
def constant_of_shape(node: OnnxNode) -> Tensor:
    filler = node.attribute("value")
    value = np.zeros(1, F32) if filler is None else to_array(filler, node.scope.files)
    if value.size != 1:
        raise OnnxError(f"value must hold one number, found {value.size}")
    return node.add(Broadcast(), node.constant(value.item(), "value", value.dtype), node.input(0))


@reads("Range", since=11)
def number_range(node: OnnxNode) -> Tensor:
    start, limit, delta = (node.known(i).reshape(()) for i in range(3))
    if delta == 0:
        raise OnnxError("delta must not be 0")
    count = max(0, int(np.ceil((limit - start) / delta)))
    if count > MAX_KNOWN_ELEMENTS:
        raise OnnxError(f"a range of {count} numbers is not supported; at most {MAX_KNOWN_ELEMENTS} are")
    return node.add(
        Constant(value=(start + np.arange(count).astype(delta.dtype) * delta).astype(start.dtype))
    )


@reads("Shape", until=14)
def shape(node: OnnxNode) -> Tensor:
    return node.add(ShapeOf(), node.input(0))


@reads("Shape", since=15)
def part_of_shape(node: OnnxNode) -> Tensor:
    x = node.input(0)
    start, end = node.attribute("start", 0), node.attribute("end")
    if start == 0 and end is None:
        return node.add(ShapeOf(), x)
    stop = len(x.shape) if end is None else end
    whole = node.add(ShapeOf(), x, suffix="whole")
    return node.add(
        Slice(),
        whole,
        node.constant([start], "start"),
        node.constant([stop], "stop"),
        node.constant([1], "step"),
    )


@reads("Size")
def size(node: OnnxNode) -> Tensor:
    dimensions = node.add(ShapeOf(), node.input(0), suffix="shape")
    return node.add(ReduceProd(), dimensions, node.constant([0], "axes"))


# ---- the other way -----------------------------------------------------------------------------------------


@writes("ShapeOf")
def write_shape_of(node: Emitter) -> None:
    if node.op.output_type == I64:
        node.emit("Shape", node.input(0))
    else:
        node.cast(node.emit("Shape", node.input(0), suffix="shape"), node.op.output_type)
