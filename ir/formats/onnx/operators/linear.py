"""Matrix products."""

from typing import Any

import numpy as np

from ....graph import Node, Tensor
from ....lowering.lower import integer_weights
from ....ops.add import Add
from ....ops.matmul import MatMul
from ....ops.multiply import Multiply
from ....simplify.edits import known_array
from ..node_writer import Emitter, writes
from ..onnx_node import OnnxNode, reads
from .quantization import emit_weights


@reads("MatMul")
def matmul(node: OnnxNode) -> Tensor:
    return product(node, node.input(0), node.input(1))


def product(node: OnnxNode, a: Tensor, b: Tensor, suffix: str = "") -> Tensor:
    """a @ b; int8 weights that were stored transposed (quantized_tensors.py) are read so."""
    if b.producer.type == "Transpose" and integer_weights(b.producer.inputs[0]) is not None:
        order = known_array(b.producer.inputs[1])
        if order is not None and order.tolist() == [1, 0]:
            return node.add(MatMul(transpose_b=True), a, b.producer.inputs[0], suffix=suffix)
    return node.add(MatMul(), a, b, suffix=suffix)


@reads("Gemm")
def gemm(node: OnnxNode) -> Tensor:
    """alpha * A @ B + beta * C; the factors go into B and C."""
    alpha, beta = node.attribute("alpha", 1.0), node.attribute("beta", 1.0)
    transpose_a, transpose_b = (bool(node.attribute(name, 0)) for name in ("transA", "transB"))
    has_bias = node.has(2) and beta != 0
    suffix = "WithoutBiases" if has_bias else ""
    a, b = node.input(0), _scaled(node, 1, alpha)
    if transpose_a or transpose_b:
        y = node.add(MatMul(transpose_a=transpose_a, transpose_b=transpose_b), a, b, suffix=suffix)
    else:
        y = product(node, a, b, suffix=suffix)
    return node.add(Add(), y, _scaled(node, 2, beta)) if has_bias else y


def _scaled(node: OnnxNode, i: int, factor: float) -> Tensor:
    """Input i times a factor. A constant bias vector becomes (1,N), the form Model Optimizer gives it."""
    array = node.array(i)
    if array is not None and (factor != 1 or array.ndim == 1):
        return node.constant_input(i, np.atleast_2d(array * array.dtype.type(factor)))
    tensor = node.input(i)
    return (
        tensor
        if factor == 1
        else node.add(Multiply(), tensor, node.constant(factor, "factor", tensor.dtype), suffix="scaled")
    )


# ---- the other way -----------------------------------------------------------------------------------------


@writes("MatMul")
def write_matmul(node: Emitter) -> None:
    emit_matmul(node, node.node)


def emit_matmul(at: Emitter, layer: Node, bias: str = "") -> None:
    """A matrix product in the place of `at`: Gemm, which transposes and adds a bias, of matrices; MatMul of
    anything else.
    """
    a, b = layer.inputs
    op: Any = layer.op
    if bias or (len(a.shape) == len(b.shape) == 2 and (op.transpose_a or op.transpose_b)):
        names = (at.target.name(a), at.target.name(b))
        at.emit(
            "Gemm", *names, *([bias] if bias else []), transA=int(op.transpose_a), transB=int(op.transpose_b)
        )
    else:
        at.emit("MatMul", _straight(at, a, op.transpose_a), _straight(at, b, op.transpose_b))


def _straight(at: Emitter, tensor: Tensor, transposed: bool) -> str:
    """The tensor with its last two axes exchanged if the layer would do so: at once where it is constant."""
    name, rank = at.target.name(tensor), len(tensor.shape)
    if not transposed or rank < 2:
        return name
    if tensor.constant is not None:
        return at.array(tensor.constant.swapaxes(-2, -1), name)
    if rank == 2 and integer_weights(tensor) is not None:
        return emit_weights(at, tensor, at.target.unused_name(name), transposed=True)
    return at.emit("Transpose", name, suffix="transposed", perm=(*range(rank - 2), rank - 1, rank - 2))
