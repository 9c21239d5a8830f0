"""How good a model's answers are: metrics that need labels, and metrics that compare with a reference model
instead.
"""

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np

from numpot.ir.arguments import shown
from numpot.ir.ops.common.operator import nearest

from ..data.loader import DataError
from ..data.plugins import create, failing_as

Outputs = dict[str, np.ndarray]


class Metric(ABC):
    """A measure of a model on a data set: one number, gathered batch by batch. Write a subclass for a measure
    of your own.

    name: as reports show it. needs_labels: `update` gets the labels of the batch. needs_reference: it gets,
    in their place, the outputs of the reference model. higher_better: which of two values is the better one.
    of_numbers: its labels are like the model's outputs, not classes. A class may have a method
    `merge(other)`, which takes in what another instance saw of the samples that follow; with several workers,
    a model's outputs need not travel then.
    """

    name: str
    needs_labels: bool = True
    needs_reference: bool = False
    higher_better: bool = True
    of_numbers: bool = False

    @abstractmethod
    def update(self, outputs: Outputs, labels: Any) -> None:
        """Add one batch. outputs: arrays [n, ...] by the names of the model's outputs."""

    def check_labels(self, outputs: Outputs, labels: Any) -> None:  # noqa: B027 - may be left as it is
        """Raise DataError for labels that outputs of this kind cannot be compared with; by default accepts
        all.
        """

    @property
    @abstractmethod
    def value(self) -> float:
        """Return the metric of everything since `reset`; NaN before the first batch."""

    @abstractmethod
    def reset(self) -> None:
        """Forget all batches."""


class _Share(Metric):
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

    def merge(self, other: "_Share") -> None:
        self._right += other._right
        self._seen += other._seen

    @abstractmethod
    def is_right(self, outputs: Outputs, labels: Any) -> np.ndarray:
        """(n,) bool."""


class Accuracy(_Share):
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
        scores = _scores(self.name, outputs)
        classes = _class_labels(self.name, labels, scores)
        best = np.argsort(-scores, axis=1, kind="stable")[:, : self.k]  # (n,k)
        return (best == classes[:, None]).any(axis=1) & ~_has_nan(scores)

    def check_labels(self, outputs: Outputs, labels: Any) -> None:
        _class_labels(self.name, labels, _scores(self.name, outputs))


class Agreement(_Share):
    """Compute the share of samples for which the model and the reference give the same class the largest
    score; NaN agrees with nothing.
    """

    name = "agreement"
    needs_labels = False
    needs_reference = True

    def is_right(self, outputs: Outputs, labels: Outputs) -> np.ndarray:
        ours, theirs = _scores(self.name, outputs), _scores(self.name, labels)
        return (ours.argmax(axis=1) == theirs.argmax(axis=1)) & ~_has_nan(ours) & ~_has_nan(theirs)


def _has_nan(scores: np.ndarray) -> np.ndarray:
    """(n,classes) -> (n,) bool: a NaN is no score, and argmax would take it for the largest."""
    return np.isnan(scores).any(axis=1)


class Sqnr(Metric):
    """Compute the signal-to-quantization-noise ratio in decibels: 10 log10(sum r^2 / sum (r - y)^2) over all
    outputs y and those of the reference r.
    """

    name = "sqnr"
    needs_labels = False
    needs_reference = True

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._signal = self._noise = 0.0

    @property
    def value(self) -> float:
        with np.errstate(divide="ignore", invalid="ignore"):  # without noise it is infinite
            return float(10 * np.log10(np.float64(self._signal) / self._noise))

    def update(self, outputs: Outputs, labels: Outputs) -> None:
        for name, output in outputs.items():
            for y, r in zip(
                output, labels[name].astype(np.float64), strict=True
            ):  # one by one: the same sum for any batch size
                self._signal += float(np.square(r).sum())
                self._noise += float(np.square(r - y).sum())


def metric_name(metric: Metric) -> str:
    """What reports call it. Raises DataError for a metric of somebody's own that has no name."""
    with failing_as(f"metric {type(metric).__name__}: its name cannot be read"):
        name = getattr(metric, "name", None)
    if not isinstance(name, str) or not name:
        found = "none" if name is None else shown(name)
        raise DataError(
            f"metric {type(metric).__name__} must have an attribute `name` that is text, as reports "
            f"show it; found {found}."
        )
    return name


def metric_value(metric: Metric) -> float:
    """Return the metric's value, a number; an array of one number is one. Raises DataError for anything else,
    and for a metric that fails.
    """
    name = metric_name(metric)
    with failing_as(f"metric {name} failed in `value`"):
        value: Any = metric.value
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.reshape(())[()]
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real):
        what = f"an array of shape {list(value.shape)}" if isinstance(value, np.ndarray) else shown(value)
        hint = "; `value` is a property: put @property above it" if callable(value) else ""
        raise DataError(f"metric {name} must have one number as its `value`, found {what}{hint}.")
    return float(value)


def parse_metric(text: str) -> Metric:
    """Return a metric by its name (accuracy@K, those below), or by module:Class for a Metric of the user's
    own. Raises DataError.
    """
    if not isinstance(text, str):
        raise DataError(f"a metric's name must be text, such as 'accuracy@1', found {shown(text)}.")
    from .confusion import (
        F1,
        Cosine,
        Mae,
        MeanIoU,
        Precision,
        Recall,
        Rmse,
    )  # they are Metrics, so this module comes first
    from .detection import MeanAveragePrecision

    if match := re.fullmatch(r"accuracy@([0-9]{1,9})", text):
        return Accuracy(int(match[1]))
    known: list[type[Metric]] = [
        Agreement,
        Sqnr,
        F1,
        Precision,
        Recall,
        MeanIoU,
        MeanAveragePrecision,
        Rmse,
        Mae,
        Cosine,
    ]
    by_name = {cls.name: cls for cls in known}
    if text in by_name:
        return by_name[text]()
    if ":" not in text:
        suggestion = nearest(text, ["accuracy@1", *by_name])
        raise DataError(
            f"metric {text!r} is not known"
            + (suggestion or f". Known are accuracy@K, {', '.join(by_name)} and module:Class.")
        )
    metric = create(text)
    if not isinstance(metric, Metric):
        raise DataError(
            f"metric {text}: expected a subclass of numpot.quant.Metric, found {type(metric).__name__}."
        )
    metric_name(metric)
    return metric


def _scores(metric: str, outputs: Outputs) -> np.ndarray:
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
