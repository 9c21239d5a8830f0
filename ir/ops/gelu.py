"""Gelu: x times the chance that a normal variable is below x (OpenVINO Gelu-7)."""

import math
from typing import Literal

import numpy as np

from ..dtypes import FLOATS
from .common.operator import Operator, operator
from .erf import erf


@operator("Gelu")
class Gelu(Operator):
    approximation_mode: Literal["erf", "tanh"] = "erf"

    accepts = FLOATS
    keeps_to_a_sample = True

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        if self.approximation_mode == "erf":
            return (0.5 * x * (1 + erf(x / math.sqrt(2)))).astype(x.dtype)
        return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
