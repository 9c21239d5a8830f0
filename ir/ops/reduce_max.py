"""ReduceMax: the largest number along the axes (OpenVINO ReduceMax-1)."""

import numpy as np

from .reductions import Reduction
from .registry import operator


@operator("ReduceMax")
class ReduceMax(Reduction):
    function = np.maximum
