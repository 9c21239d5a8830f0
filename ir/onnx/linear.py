"""Matrix products."""

import numpy as np

from ..graph import Tensor
from ..ops.add import Add
from ..ops.matmul import MatMul
from ..ops.multiply import Multiply
from .node import OnnxNode, reads


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
