"""ReduceMean: the mean along the axes; that of integers drops its fraction (OpenVINO ReduceMean-1)."""

import numpy as np

from .common.axes import integers
from .common.operator import operator
from .common.reductions import Reduction


@operator("ReduceMean")
class ReduceMean(Reduction):
    keeps_to_a_sample = True

    def evaluate(self, x: np.ndarray, axes: np.ndarray) -> np.ndarray:
        return np.mean(x, axis=integers(axes, "axes"), keepdims=self.keep_dims).astype(x.dtype)
