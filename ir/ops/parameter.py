"""Parameter: an input of the model (OpenVINO Parameter-1)."""

from ..dtypes import DType
from .common.operator import Ints, Operator, Shape, operator


@operator("Parameter")
class Parameter(Operator):
    element_type: DType
    shape: Ints  # a leading -1 is the batch, chosen when the model runs

    keeps_to_a_sample = True

    def infer_shape(self) -> Shape:
        return self.shape

    def infer_dtype(self) -> DType:
        return self.element_type

    def evaluate(self) -> None:
        raise ValueError("a Parameter has no value until the model runs")
