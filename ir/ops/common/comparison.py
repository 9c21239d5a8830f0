"""What the six comparisons share: two tensors of one type that broadcast, and a boolean answer."""

from ...dtypes import BOOL, DType
from .broadcasting import Elementwise


class Comparison(Elementwise):
    """An operator that compares two tensors element by element."""

    def infer_dtype(self, *dtypes: DType) -> DType:
        super().infer_dtype(*dtypes)  # the two must agree
        return BOOL
