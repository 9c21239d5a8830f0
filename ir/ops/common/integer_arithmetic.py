"""What ConvolutionInteger and MatMulInteger share: sums of (code - zero point) * weight, in int32, by one of
two arithmetics.
"""

from dataclasses import dataclass

from numpot.kernels.reference import Arithmetic

from ...dtypes import I8, I32, NAMES, U8, DType
from .operator import Operator, OperatorError


@dataclass(frozen=True, kw_only=True)
class IntegerProduct(Operator):
    """An operator on u8 codes, i8 weights and the u8 code of real zero, that gives i32."""

    arithmetic: Arithmetic = "exact"  # saturating: pairs of products clip to 16 bits, see docs/arithmetic.md

    def infer_dtype(self, *dtypes: DType) -> DType:
        for name, expected, found in zip(("x", "w", "x_zero_point"), (U8, I8, U8), dtypes, strict=True):
            if found != expected:
                raise OperatorError(f"{name} must be {NAMES[expected]}, found {NAMES[found]}")
        return I32


def require_block(block: int) -> None:
    """Raise OperatorError for a negative number of products."""
    if block < 0:
        raise OperatorError(f"block must be a number of products, or 0 for all, found {block}")
