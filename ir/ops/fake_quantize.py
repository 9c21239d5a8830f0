"""FakeQuantize: every element replaced by the nearest of `levels` values, still a float (OpenVINO
FakeQuantize-1).
"""

import numpy as np

from ..dtypes import FLOATS
from .common.operator import Operator, Shape, operator
from .common.quantization import check_levels, check_parameters, quantization_multiplier, quantize


@operator("FakeQuantize")
class FakeQuantize(Operator):
    levels: int

    accepts = FLOATS
    keeps_to_a_sample = True

    def infer_shape(
        self, x: Shape, input_low: Shape, input_high: Shape, output_low: Shape, output_high: Shape
    ) -> Shape:
        check_levels(self.levels, most=2**16)
        return check_parameters(x, input_low, input_high, output_low, output_high)

    def evaluate(
        self,
        x: np.ndarray,
        input_low: np.ndarray,
        input_high: np.ndarray,
        output_low: np.ndarray,
        output_high: np.ndarray,
    ) -> np.ndarray:
        """Any float shape; computed in float32. Codes 0 .. levels-1 are laid over the output range, low to
        high.
        """
        codes = quantize(x, *quantization_multiplier(input_low, input_high, self.levels), self.levels)
        low, high = output_low.astype(np.float32), output_high.astype(np.float32)
        return (codes * ((high - low) / np.float32(self.levels - 1)) + low).astype(x.dtype)
