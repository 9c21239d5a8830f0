"""ReduceMin: the smallest number along the axes (OpenVINO ReduceMin-1)."""

import numpy as np

from .common.operator import operator
from .common.reductions import Reduction


@operator("ReduceMin")
class ReduceMin(Reduction):
    function = np.minimum

    computes_on_codes = True
    keeps_to_a_sample = True
