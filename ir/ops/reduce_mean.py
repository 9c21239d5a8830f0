"""ReduceMean: the mean along the axes; that of integers drops its fraction (OpenVINO ReduceMean-1)."""

import numpy as np

from .axes import integers
from .reductions import Reduction
from .registry import operator


@operator("ReduceMean")
class ReduceMean(Reduction):
    def evaluate(self, x: np.ndarray, axes: np.ndarray) -> np.ndarray:
        return np.mean(x, axis=integers(axes, "axes"), keepdims=self.keep_dims).astype(x.dtype)
