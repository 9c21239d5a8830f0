"""Sigmoid: 1 / (1 + e^-x) (OpenVINO Sigmoid-1)."""

import numpy as np

from ..dtypes import FLOATS
from .common.operator import Operator, operator


@operator("Sigmoid")
class Sigmoid(Operator):
    accepts = FLOATS
    keeps_to_a_sample = True

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return sigmoid(x)


def sigmoid(x: np.ndarray) -> np.ndarray:
    """Any float type, same shape. Only e^-|x| is computed, which cannot overflow."""
    small = np.exp(-np.abs(x))
    return np.where(x < 0, small, 1) / (1 + small)
