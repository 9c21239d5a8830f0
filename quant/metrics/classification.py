"""Accuracy, and what metrics of a classifier's scores share: the share of samples that are right, scores,
labels.
"""

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from numpot.ir.arguments import shown

from ..errors import DataError
from .metric import Metric, Outputs


class Share(Metric):
    """The share of samples that are right, in [0, 1]; a subclass says which are."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._right = self._seen = 0

    @property
    def value(self) -> float:
        return self._right / self._seen if self._seen else math.nan

    def update(self, outputs: Outputs, labels: Any) -> None:
        right = self.is_right(outputs, labels)
        self._right += int(right.sum())
        self._seen += len(right)

    def merge(self, other: "Share") -> None:
        self._right += other._right
        self._seen += other._seen

    @abstractmethod
    def is_right(self, outputs: Outputs, labels: Any) -> np.ndarray:
        """(n,) bool."""


class Accuracy(Share):
    """Compute the share of samples whose label is among the k largest scores; of equal scores the first
    counts as larger, as in argmax.

    Scores that are NaN are never right.
    """

    def __init__(self, k: int = 1) -> None:
        if isinstance(k, bool) or not isinstance(k, int | np.integer):
            raise DataError(f"accuracy@K: K must be a whole number, found {shown(k)}.")
        if k < 1:
            raise DataError(f"metric accuracy@{k}: expected at least 1 after the @.")
        super().__init__()
        self.k = k
        self.name = f"accuracy@{k}"

    def is_right(self, outputs: Outputs, labels: Sequence[int] | np.ndarray) -> np.ndarray:
        scores = class_scores(self.name, outputs)
        classes = _class_labels(self.name, labels, scores)
        best = np.argsort(-scores, axis=1, kind="stable")[:, : self.k]  # (n,k)
        return (best == classes[:, None]).any(axis=1) & ~has_nan(scores)

    def check_labels(self, outputs: Outputs, labels: Any) -> None:
        _class_labels(self.name, labels, class_scores(self.name, outputs))


def has_nan(scores: np.ndarray) -> np.ndarray:
    """(n,classes) -> (n,) bool: a NaN is no score, and argmax would take it for the largest."""
    return np.isnan(scores).any(axis=1)


def class_scores(metric: str, outputs: Outputs) -> np.ndarray:
    """The scores of the classes, [n, classes], of a classifier's one output [n, classes, 1, ...]."""
    if len(outputs) != 1:
        names = ", ".join(repr(name) for name in outputs)
        raise DataError(
            f"metric {metric} needs a model with one output, the scores of the classes; this one has {names}."
        )
    (scores,) = outputs.values()
    if scores.ndim < 2 or math.prod(scores.shape[2:]) != 1:
        raise DataError(
            f"metric {metric} needs scores of shape [samples, classes], found {list(scores.shape)}."
        )
    return scores.reshape(len(scores), -1)


def _class_labels(metric: str, labels: Sequence[int] | np.ndarray, scores: np.ndarray) -> np.ndarray:
    """(n,) integers, each the number of a class."""
    samples, classes = scores.shape
    array = np.asarray(labels)
    if array.shape != (samples,) or array.dtype.kind not in "iu":
        raise DataError(
            f"metric {metric} needs one integer label per sample, found {array.dtype} of shape "
            f"{list(array.shape)}."
        )
    outside = array[(array < 0) | (array >= classes)]
    if outside.size:
        raise DataError(
            f"metric {metric}: label {outside[0]} is no class of the model, which has {classes}, "
            "numbered from 0."
        )
    return array
