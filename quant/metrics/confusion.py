"""Metrics beside accuracy: of classes (F1, precision, recall, mean IoU), and of numbers (RMSE,
MAE, cosine).
"""

import math
from typing import Any

import numpy as np

from ..data.loader import DataError
from .classification import Metric, Outputs


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
        scores = _only(self.name, outputs)
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
        output = _only(self.name, outputs)
        truth = np.asarray(labels, np.float64)
        if truth.size != output.size:
            raise DataError(
                f"metric {self.name} needs labels of shape {list(output.shape)}, found {list(truth.shape)}."
            )
        for y, t in zip(
            output.astype(np.float64), truth.reshape(output.shape), strict=True
        ):  # one by one: the same sum for any batch
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


class Cosine(Metric):
    """Mean over samples and outputs of the cosine between the model's output and the reference's; of two
    zeros it is 1, of one 0.
    """

    name = "cosine"
    needs_labels = False
    needs_reference = True

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._sum, self._count = 0.0, 0

    @property
    def value(self) -> float:
        return self._sum / self._count if self._count else math.nan

    def update(self, outputs: Outputs, labels: Outputs) -> None:
        for name, output in outputs.items():
            for y, r in zip(output.astype(np.float64), labels[name].astype(np.float64), strict=True):
                norms = float(np.linalg.norm(y) * np.linalg.norm(r))
                self._sum += float((y * r).sum()) / norms if norms else float(not y.any() and not r.any())
                self._count += 1


def _only(metric: str, outputs: Outputs) -> np.ndarray:
    if len(outputs) != 1:
        names = ", ".join(repr(name) for name in outputs)
        raise DataError(f"metric {metric} needs a model with one output; this one has {names}.")
    return next(iter(outputs.values()))
