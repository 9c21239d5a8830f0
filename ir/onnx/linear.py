"""Matrix products."""

from typing import Any

import numpy as np

from ..graph import Node, Tensor
from ..lowering import integer_weights
from ..ops.add import Add
from ..ops.matmul import MatMul
from ..ops.multiply import Multiply
from .emitter import Emitter, writes
from .node import OnnxNode, reads
from .quantization import emit_weights


@reads("MatMul")
def matmul(node: OnnxNode) -> Tensor:
    return node.add(MatMul(), node.input(0), node.input(1))


@reads("Gemm")
def gemm(node: OnnxNode) -> Tensor:
    """alpha * A @ B + beta * C; the factors go into B and C."""
    alpha, beta = node.attribute("alpha", 1.0), node.attribute("beta", 1.0)
    op = MatMul(transpose_a=bool(node.attribute("transA", 0)), transpose_b=bool(node.attribute("transB", 0)))
    has_bias = node.has(2) and beta != 0
    product = node.add(op, node.input(0), _scaled(node, 1, alpha), suffix="WithoutBiases" if has_bias else "")
    return node.add(Add(), product, _scaled(node, 2, beta)) if has_bias else product


def _scaled(node: OnnxNode, i: int, factor: float) -> Tensor:
    """Input i times a factor. A constant bias vector becomes (1,N), the form Model Optimizer gives it."""
    array = node.array(i)
    if array is not None and (factor != 1 or array.ndim == 1):
        return node.constant_input(i, np.atleast_2d(array * array.dtype.type(factor)))
    tensor = node.input(i)
    return tensor if factor == 1 else node.add(Multiply(), tensor, node.constant(factor, "factor", tensor.dtype), suffix="scaled")


# ---- the other way ---------------------------------------------------------------------------------------------------------------


@writes("MatMul")
def write_matmul(node: Emitter) -> None:
    emit_matmul(node, node.node)


def emit_matmul(at: Emitter, layer: Node, bias: str = "") -> None:
    """A matrix product in the place of `at`: Gemm, which transposes and adds a bias, of matrices; MatMul of anything else."""
    a, b = layer.inputs
    op: Any = layer.op
    if bias or (len(a.shape) == len(b.shape) == 2 and (op.transpose_a or op.transpose_b)):
        names = (at.target.name(a), at.target.name(b))
        at.emit("Gemm", *names, *([bias] if bias else []), transA=int(op.transpose_a), transB=int(op.transpose_b))
    else:
        at.emit("MatMul", _straight(at, a, op.transpose_a), _straight(at, b, op.transpose_b))


def _straight(at: Emitter, tensor: Tensor, transposed: bool) -> str:
    """The tensor with its last two axes exchanged if the layer would do so: at once where it is constant."""
    name, rank = at.target.name(tensor), len(tensor.shape)
    if not transposed or rank < 2:
        return name
    if tensor.constant is not None:
        return at.array(tensor.constant.swapaxes(-2, -1), name)
    weights = integer_weights(tensor)
    if weights is not None and rank == 2:
        return emit_weights(at, weights.codes.T, weights.scale, axis=1, name=at.target.unused_name(name))
    return at.emit("Transpose", name, suffix="transposed", perm=(*range(rank - 2), rank - 1, rank - 2))
