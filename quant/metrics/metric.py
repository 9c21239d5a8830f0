"""Metric: what every measure of a model looks like, and how its name and its value are read."""

from abc import ABC, abstractmethod
from numbers import Real
from typing import Any

import numpy as np

from numpot.ir.arguments import shown

from ..data.plugins import failing_as
from ..errors import DataError

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


def only_output(metric: str, outputs: Outputs) -> np.ndarray:
    """The array of a model with one output. Raises DataError, which names the metric, for more than one."""
    if len(outputs) != 1:
        names = ", ".join(repr(name) for name in outputs)
        raise DataError(f"metric {metric} needs a model with one output; this one has {names}.")
    return next(iter(outputs.values()))
