"""ReduceSum: the sum along the axes (OpenVINO ReduceSum-1)."""

import numpy as np

from .common.operator import operator
from .common.reductions import Reduction


@operator("ReduceSum")
class ReduceSum(Reduction):
    function = np.add

    keeps_to_a_sample = True
