"""Divide: a / b, with broadcasting (OpenVINO Divide-1)."""

import numpy as np

from ..dtypes import NUMBERS
from .common.broadcasting import Elementwise
from .common.operator import operator


@operator("Divide")
class Divide(Elementwise):
    m_pythondiv: bool = True  # how integers round: down, or toward zero as in ONNX

    accepts = NUMBERS
    keeps_to_a_sample = True

    def evaluate(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        if a.dtype.kind == "f":
            return a / b
        return a // b if self.m_pythondiv else (a - np.fmod(a, b)) // b
