"""ReduceProd: the product along the axes (OpenVINO ReduceProd-1)."""

import numpy as np

from .common.operator import operator
from .common.reductions import Reduction


@operator("ReduceProd")
class ReduceProd(Reduction):
    function = np.multiply
