"""ReduceProd: the product along the axes (OpenVINO ReduceProd-1)."""

import numpy as np

from .reductions import Reduction
from .registry import operator


@operator("ReduceProd")
class ReduceProd(Reduction):
    function = np.multiply
