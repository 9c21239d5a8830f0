"""ReduceMin: the smallest number along the axes (OpenVINO ReduceMin-1)."""

import numpy as np

from .reductions import Reduction
from .registry import operator


@operator("ReduceMin")
class ReduceMin(Reduction):
    function = np.minimum
