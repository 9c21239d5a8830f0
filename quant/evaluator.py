"""Evaluator: measures models on one data set, as a whole and sample by sample, for the accuracy-aware search."""

import copy
import functools
import hashlib
import inspect
import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from numpot.ir.graph import Graph

from .data import DataError, DataLoader, ModelData, Subset, batches, fixed_batch
from .data_plugins import failing_as
from .evaluation import check_needs, compiled
from .metrics import Metric
from .parts import PIECE, Part
from .pool import Alone, Pool, pieces
from .progress import track

if TYPE_CHECKING:
    from .assembly import Assembly


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

    def measure_variants(
        self, assembly: "Assembly", variants: Sequence[frozenset[str]], indices: Sequence[int] | None = None
    ) -> Iterator[Scores]:
        """Int8 models without the quantizers of these names."""
        return (self.measure(assembly.build(reverted), indices) for reverted in variants)

    @property
    def multiple(self) -> int:
        """A number of samples must be a multiple of this."""
        return 1


class MetricEvaluator(Evaluator):
    """One Metric on one loader. Raises DataError, before anything runs, for samples that lack what the metric needs; and for a metric that
    fails, which is found on the first batch."""

    def __init__(
        self,
        metric: Metric,
        data: DataLoader,
        model: Graph,
        *,
        batch_size: int = 32,
        progress: bool = False,
        check_finite: bool = True,
        pool: Pool | None = None,
    ) -> None:
        self._metric, self._model = metric, model
        self._data = ModelData(data, model)
        self._batch_size, self._progress = batch_size, progress
        self._pool = pool or Alone()
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
        return self._measure(None, graph, indices)

    def measure_variants(
        self, assembly: "Assembly", variants: Sequence[frozenset[str]], indices: Sequence[int] | None = None
    ) -> Iterator[Scores]:
        """On all samples, workers share the samples; on some, the models."""
        if indices is None:
            return (self._measure(reverted, assembly, None) for reverted in variants)
        return self._pool.map(_Whole, (self, assembly), [(reverted, indices) for reverted in variants])

    def _measure(self, reverted: frozenset[str] | None, source: "Graph | Assembly", indices: Sequence[int] | None) -> Scores:
        """source: a model; or an assembly, to build one without the quantizers that are reverted."""
        metric = self._metric
        numbers = range(len(self._data)) if indices is None else indices
        cut = pieces(0, len(numbers), PIECE, fixed_batch(self._model) or self._batch_size)
        each: list[float] = []
        with failing_as(f"metric {metric.name} failed"):
            metric.reset()
        with track(len(numbers), f"measuring {metric.name}", quiet=not self._progress or indices is not None) as advance:
            for part, alone in self._pool.map(
                functools.partial(_Parts, reverted), (self, source), [numbers[r.start : r.stop] for r in cut]
            ):
                with failing_as(f"metric {metric.name} failed"):
                    part.add_to(metric)
                each += alone
                advance(len(alone))
        with failing_as(f"metric {metric.name} failed"):
            value = float(metric.value)
        return Scores({metric.name: value}, {metric.name: np.array(each)})

    def __getstate__(self) -> dict[str, Any]:
        """For a worker, who works alone; with nothing that was measured before."""
        metric = copy.deepcopy(self._metric)
        metric.reset()
        return vars(self) | {"_metric": metric, "_pool": Alone(self._pool.threads), "_progress": False}


class _Whole:
    """Measures whole variants of a model, each on the same samples."""

    def __init__(self, evaluator: MetricEvaluator, assembly: "Assembly") -> None:
        self._evaluator, self._assembly = evaluator, assembly

    def __call__(self, piece: tuple[frozenset[str], Sequence[int]]) -> Scores:
        reverted, indices = piece
        return self._evaluator.measure(self._assembly.build(reverted), indices)


class _Parts:
    """Measures one model, piece by piece of the samples."""

    def __init__(self, reverted: frozenset[str] | None, evaluator: MetricEvaluator, source: "Graph | Assembly") -> None:
        self._graph: Graph = source.build(reverted or ()) if not isinstance(source, Graph) else source
        threads = evaluator._pool.threads
        self._metric, self._data, self._batch_size = evaluator._metric, evaluator._data, evaluator._batch_size
        self._model = compiled(self._graph, "exact", threads)
        self._reference = compiled(evaluator._model, "exact", threads) if self._metric.needs_reference else None

    def __call__(self, numbers: Sequence[int]) -> tuple[Part, list[float]]:
        """What the metric is to see of these samples, and its value on each of them alone."""
        metric = self._metric
        part, probe, each = Part(metric), copy.deepcopy(metric), []
        for batch in batches(Subset(self._data, numbers), self._graph, self._batch_size):
            outputs = self._model.run(batch.inputs)
            truth: Any = self._reference.run(batch.inputs) if self._reference else batch.labels
            with failing_as(f"metric {metric.name} failed on samples {numbers[batch.indices[0]]} to {numbers[batch.indices[-1]]}"):
                part.update(outputs, truth)
                each += [_alone(probe, outputs, truth, i) for i in range(len(batch.indices))]
        return part, each


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
