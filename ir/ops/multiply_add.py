"""MultiplyAdd: x * a + b, rounded once, as fused multiply-add instructions do it (IEEE 754 fusedMultiplyAdd; ours)."""

import numpy as np

from ..dtypes import F32
from .affine import check_parameters
from .registry import Operator, Shape, operator


@operator("MultiplyAdd")
class MultiplyAdd(Operator):
    accepts = (F32,)

    def infer_shape(self, x: Shape, a: Shape, b: Shape) -> Shape:
        return check_parameters(x, a, b)

    def evaluate(self, x: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """f32 -> f32, same shape. a, b: one number or anything that broadcasts onto x."""
        return fused_multiply_add(x, a, b)


def fused_multiply_add(x: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The float32 nearest to the exact x * a + b; all float32.

    float64 holds the product exactly, but not always the sum, and rounding that sum first to 53 and then to 24 bits may land on the wrong
    side of a tie. Two steps avoid it: the error of the float64 sum is exact (Knuth's TwoSum), and where there is one, the sum is moved to
    whichever of its two float64 neighbours around the exact value is odd ("round to odd"), which is never a tie of float32.
    """
    product, addend = x.astype(np.float64) * a, np.asarray(b, np.float64)
    total = product + addend
    part = total - product
    error = (product - (total - part)) + (addend - part)
    towards_exact = np.nextafter(total, np.where(error > 0, np.inf, -np.inf))
    is_even = (total.view(np.int64) & 1) == 0
    return np.where((error != 0) & np.isfinite(error) & is_even, towards_exact, total).astype(np.float32)
