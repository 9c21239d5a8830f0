"""ReduceSum: the sum along the axes (OpenVINO ReduceSum-1)."""

import numpy as np

from .reductions import Reduction
from .registry import operator


@operator("ReduceSum")
class ReduceSum(Reduction):
    function = np.add
