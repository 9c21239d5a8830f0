"""Mod: what a / b rounded toward zero leaves over; it has the sign of a (OpenVINO Mod-1)."""

import numpy as np

from ..dtypes import NUMBERS
from .common.broadcasting import Elementwise
from .common.operator import operator


@operator("Mod")
class Mod(Elementwise):
    accepts = NUMBERS

    def evaluate(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.fmod(a, b)
