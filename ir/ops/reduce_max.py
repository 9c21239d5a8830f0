"""ReduceMax: the largest number along the axes (OpenVINO ReduceMax-1)."""

import numpy as np

from .common.operator import operator
from .common.reductions import Reduction


@operator("ReduceMax")
class ReduceMax(Reduction):
    function = np.maximum

    computes_on_codes = True
    keeps_to_a_sample = True
