"""Metrics of models whose labels are numbers, not classes: root mean squared and mean absolute error."""

import math
from typing import Any

import numpy as np

from ..errors import DataError
from .metric import Metric, Outputs, only_output


class _Deviation(Metric):
    """Mean of an error over all values; a subclass says of which. Labels are arrays of the shape of the
    model's one output.
    """

    higher_better = False
    of_numbers = True

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._sum, self._count = 0.0, 0

    @property
    def mean(self) -> float:
        return self._sum / self._count if self._count else math.nan

    def update(self, outputs: Outputs, labels: Any) -> None:
        output = only_output(self.name, outputs)
        truth = np.asarray(labels, np.float64)
        if truth.size != output.size:
            raise DataError(
                f"metric {self.name} needs labels of shape {list(output.shape)}, found {list(truth.shape)}."
            )
        # one by one: the same sum for any batch
        for y, t in zip(output.astype(np.float64), truth.reshape(output.shape), strict=True):
            self._sum += self.error(y - t)
        self._count += output.size

    def check_labels(self, outputs: Outputs, labels: Any) -> None:
        type(self)().update(outputs, labels)

    def error(self, difference: np.ndarray) -> float:
        raise NotImplementedError


class Rmse(_Deviation):
    """Root of the mean squared error."""

    name = "rmse"

    @property
    def value(self) -> float:
        return math.sqrt(self.mean)

    def error(self, difference: np.ndarray) -> float:
        return float(np.square(difference).sum())


class Mae(_Deviation):
    """Mean absolute error."""

    name = "mae"

    @property
    def value(self) -> float:
        return self.mean

    def error(self, difference: np.ndarray) -> float:
        return float(np.abs(difference).sum())
