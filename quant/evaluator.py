"""Evaluator: measures models on one data set, as a whole and sample by sample, for the accuracy-aware search."""

import copy
import hashlib
import inspect
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from numpot.ir.graph import Graph

from .data import DataError, DataLoader, ModelData, Subset, batches, fixed_batch
from .data_plugins import failing_as
from .evaluation import check_needs, compiled
from .metrics import Metric
from .progress import track


class Scores(NamedTuple):
    """values: of each metric over the samples. per_sample: (samples,) float64 of each metric, each sample measured by itself."""

    values: dict[str, float]
    per_sample: dict[str, np.ndarray]


class Evaluator(ABC):
    """higher_better: by the names of the metrics, which of two values is the better one. identity: what the values depend on beside the
    model and the samples, as text."""

    higher_better: Mapping[str, bool]
    identity: str

    @abstractmethod
    def __len__(self) -> int:
        """Number of samples."""

    @abstractmethod
    def measure(self, graph: Graph, indices: Sequence[int] | None = None) -> Scores:
        """On these samples, or on all."""

    @property
    def multiple(self) -> int:
        """A number of samples must be a multiple of this."""
        return 1


class MetricEvaluator(Evaluator):
    """One Metric on one loader. Raises DataError, before anything runs, for samples that lack what the metric needs; and for a metric that
    fails, which is found on the first batch."""

    def __init__(
        self, metric: Metric, data: DataLoader, model: Graph, *, batch_size: int = 32, progress: bool = False, check_finite: bool = True
    ) -> None:
        self._metric, self._model = metric, model
        self._data = ModelData(data, model)
        self._batch_size, self._progress = batch_size, progress
        self.higher_better = {metric.name: metric.higher_better}
        self.identity = identity(metric)
        check_needs(metric, self._data, model)
        if len(self._data) % self.multiple:
            raise DataError(f"{self._data.name}: {len(self._data)} samples do not fill the model's batches of {self.multiple}")
        value = self.measure(model, range(self.multiple)).values[metric.name]
        if check_finite and math.isinf(value):
            raise DataError(f"metric {metric.name} of the float model is infinite, so nothing can be said of a drop; use agreement instead")

    def __len__(self) -> int:
        return len(self._data)

    @property
    def multiple(self) -> int:
        return fixed_batch(self._model) or 1

    def measure(self, graph: Graph, indices: Sequence[int] | None = None) -> Scores:
        metric, probe = self._metric, copy.deepcopy(self._metric)
        loader = self._data if indices is None else Subset(self._data, indices)
        model = compiled(graph, "exact", None)
        reference = compiled(self._model, "exact", None) if metric.needs_reference else None
        each: list[float] = []
        with failing_as(f"metric {metric.name} failed"):
            metric.reset()
        with track(len(loader), f"measuring {metric.name}", quiet=not self._progress or indices is not None) as advance:
            for batch in batches(loader, graph, self._batch_size):
                outputs = model.run(batch.inputs)
                truth: Any = reference.run(batch.inputs) if reference else batch.labels
                with failing_as(f"metric {metric.name} failed on samples {batch.indices[0]} to {batch.indices[-1]}"):
                    metric.update(outputs, truth)
                    each += [_alone(probe, outputs, truth, i) for i in range(len(batch.indices))]
                advance(len(batch.indices))
        with failing_as(f"metric {metric.name} failed"):
            value = float(metric.value)
        return Scores({metric.name: value}, {metric.name: np.array(each)})


def identity(metric: object) -> str:
    """A class by its name and, where it can be read, its source, with what its instance was made with."""
    cls = type(metric)
    try:
        source = inspect.getsource(cls)
    except (OSError, TypeError):
        source = ""
    return f"{getattr(metric, 'name', '')} {cls.__module__}:{cls.__qualname__} {hashlib.sha256(source.encode()).hexdigest()}"


def _alone(probe: Metric, outputs: Mapping[str, np.ndarray], truth: Any, i: int) -> float:
    """The metric of one sample of a batch."""
    probe.reset()
    one = slice(i, i + 1)
    if isinstance(truth, dict):
        truth = {name: array[one] for name, array in truth.items()}
    elif truth is not None:
        truth = truth[one]
    probe.update({name: array[one] for name, array in outputs.items()}, truth)
    return float(probe.value)
