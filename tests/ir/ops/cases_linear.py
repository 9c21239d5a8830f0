"""Matrix products: vectors, batches that broadcast, transposed operands, sums over nothing."""

from typing import Any

import numpy as np
import openvino.opset15 as ov

from numpot.ir.ops.matmul import MatMul

from .battery import Case

rng = np.random.default_rng(12)


def matmul(
    a: tuple[int, ...],
    b: tuple[int, ...],
    transpose_a: bool = False,
    transpose_b: bool = False,
    dtype: Any = np.float32,
) -> Case:
    tolerance = 1e-5 if dtype == np.float32 else 2e-3
    transposed = f"{'-ta' if transpose_a else ''}{'-tb' if transpose_b else ''}"
    return Case(
        MatMul(transpose_a=transpose_a, transpose_b=transpose_b),
        [rng.standard_normal(a).astype(dtype), rng.standard_normal(b).astype(dtype)],
        lambda a, b: ov.matmul(a, b, transpose_a, transpose_b),
        rtol=tolerance,
        atol=tolerance,
        label=f"{a}@{b}{transposed}-{np.dtype(dtype)}".replace(" ", ""),
    )


CASES = [
    matmul((2, 3), (3, 4)),
    matmul((3, 2), (3, 4), transpose_a=True),
    matmul((2, 3), (4, 3), transpose_b=True),
    matmul((3, 2), (4, 3), transpose_a=True, transpose_b=True),
    matmul((3,), (3,)),
    matmul((3,), (3, 4)),
    matmul((3,), (4, 3), transpose_b=True),
    matmul((2, 3), (3,)),
    matmul((3,), (3, 4), transpose_a=True),  # a vector is not transposed
    matmul((2, 3), (3,), transpose_b=True),
    matmul((5, 2, 3), (3,)),
    matmul((3,), (5, 3, 2)),
    matmul((5, 2, 3), (5, 3, 4)),
    matmul((5, 2, 3), (3, 4)),
    matmul((2, 3), (5, 3, 4)),
    matmul((5, 1, 2, 3), (6, 3, 4)),
    matmul((2, 1, 3, 2), (1, 5, 4, 3), transpose_a=True, transpose_b=True),
    matmul((7, 65), (65, 33)),
    matmul((4, 9), (9, 5), dtype=np.float16),
]
