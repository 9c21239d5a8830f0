"""Convert: the same numbers in another element type (OpenVINO Convert-1)."""

import numpy as np

from ..dtypes import FLOATS, INTEGERS, DType
from .common.operator import Operator, operator


@operator("Convert")
class Convert(Operator):
    destination_type: DType

    def infer_dtype(self, x: DType) -> DType:
        return self.destination_type

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        """Floats become integers by dropping the fraction, and what a small integer type cannot hold wraps
        around.
        """
        if x.dtype in FLOATS and self.destination_type in INTEGERS:
            # In C, 300.0 in a small type is undefined: it wraps on some machines and clips on others.
            x = x.astype(np.int64)
        return x.astype(self.destination_type)
