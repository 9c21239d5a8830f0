"""A catalogue: gradient rules, one family of operators a file. Importing this package fills the table in
registry.py.
"""

from . import (
    activations,
    convolution,
    elementwise,
    matmul,
    movement,
    normalization,
    pooling,
    quantization,
    reductions,
    resize,
    shape,
    transposed_convolution,
)
from .registry import FORWARDS, RULES, Call, unbroadcast

__all__ = ["FORWARDS", "RULES", "Call", "unbroadcast"]
del (
    activations,
    convolution,
    elementwise,
    matmul,
    movement,
    normalization,
    pooling,
    quantization,
    reductions,
    resize,
    shape,
    transposed_convolution,
)
