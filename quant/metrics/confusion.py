"""Metrics that count pairs of labels and predicted classes: F1, precision, recall, mean IoU."""

import math
from typing import Any

import numpy as np

from ..errors import DataError
from .metric import Metric, Outputs, only_output


class _Confusion(Metric):
    """Counts pairs (label, predicted class), of samples or of the pixels in them; a subclass makes a number
    of them.

    The model's one output is scores [n, classes, ...], a label an integer or an array of the shape of what
    stands for `...`. A label below zero or of 255 and beyond the classes is not counted (the usual mark for
    pixels without one). Scores with a NaN predict no class; these are counted in a last column.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._counts = np.zeros((0, 0), np.int64)

    def update(self, outputs: Outputs, labels: Any) -> None:
        scores = only_output(self.name, outputs)
        if scores.ndim < 2:
            raise DataError(
                f"metric {self.name} needs scores of shape [samples, classes, ...], found "
                f"{list(scores.shape)}."
            )
        classes, predicted = scores.shape[1], scores.argmax(axis=1)
        predicted = np.where(np.isnan(scores).any(axis=1), classes, predicted)
        truth = np.asarray(labels)
        if truth.dtype.kind not in "iu" or truth.size != predicted.size:
            raise DataError(
                f"metric {self.name} needs integer labels of shape {list(predicted.shape)}, found "
                f"{list(truth.shape)}."
            )
        truth, predicted = truth.reshape(-1).astype(np.int64), predicted.reshape(-1)
        counted = (truth >= 0) & ((truth != 255) | (classes > 255))
        if (truth[counted] >= classes).any():
            raise DataError(
                f"metric {self.name}: label {truth[counted].max()} is no class of the model, which has "
                f"{classes}."
            )
        pairs = truth[counted] * (classes + 1) + predicted[counted]
        self._add(np.bincount(pairs, minlength=classes * (classes + 1)).reshape(classes, classes + 1))

    def merge(self, other: "_Confusion") -> None:
        if other._counts.size:
            self._add(other._counts)

    def _add(self, counts: np.ndarray) -> None:
        self._counts = counts if not self._counts.size else self._counts + counts

    def check_labels(self, outputs: Outputs, labels: Any) -> None:
        type(self)().update(outputs, labels)

    def _each(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(classes,) each: right, labelled so, predicted so."""
        return (
            self._counts.diagonal(),
            self._counts.sum(axis=1),
            self._counts.sum(axis=0)[: len(self._counts)],
        )

    def _mean(self, above: np.ndarray, below: np.ndarray) -> float:
        """Return the mean of the quotients over the classes that have labels or predictions; 0/0 counts as 0
        among these. NaN before the first batch.
        """
        _, labelled, predicted = self._each()
        seen = labelled + predicted > 0
        if not seen.any():
            return 0.0 if self._counts.size else math.nan
        return float(np.divide(above, below, out=np.zeros(len(above)), where=below > 0)[seen].mean())


class Precision(_Confusion):
    """Mean over classes of right / predicted."""

    name = "precision"

    @property
    def value(self) -> float:
        right, _, predicted = self._each()
        return self._mean(right, predicted)


class Recall(_Confusion):
    """Mean over classes of right / labelled."""

    name = "recall"

    @property
    def value(self) -> float:
        right, labelled, _ = self._each()
        return self._mean(right, labelled)


class F1(_Confusion):
    """Mean over classes of 2 right / (labelled + predicted)."""

    name = "f1"

    @property
    def value(self) -> float:
        right, labelled, predicted = self._each()
        return self._mean(2 * right, labelled + predicted)


class MeanIoU(_Confusion):
    """Mean over classes of right / (labelled + predicted - right): the intersection over the union."""

    name = "miou"

    @property
    def value(self) -> float:
        right, labelled, predicted = self._each()
        return self._mean(right, labelled + predicted - right)
