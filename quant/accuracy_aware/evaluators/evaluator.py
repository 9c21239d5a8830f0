"""Evaluator: measures models on one data set, as a whole and sample by sample, for the
accuracy-aware search.
"""

import copy
import functools
import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from numpot.ir.errors import counted
from numpot.ir.graph import Graph
from numpot.ir.lowering.lower import Arithmetic

from ...data.classes import Classes
from ...data.loader import DataLoader
from ...data.model_data import ModelData
from ...data.plugins import failing_as
from ...data.sources import Batch, Subset, as_labels, batches, fixed_batch
from ...errors import DataError
from ...metrics.chance import remark_chance
from ...metrics.evaluate import check_needs, compiled
from ...metrics.metric import Metric, metric_name, metric_value
from ...metrics.partial_metric import PIECE, Part
from ...parallel.pool import Alone, Pool, pieces
from ...parallel.progress import track
from .metric_identity import identity

if TYPE_CHECKING:
    from numpot.ir.executor.executor import Executor

    from ...assembly import Assembly, Variant


class Scores(NamedTuple):
    """values: of each metric over the samples. per_sample: (samples,) float64 of each metric, each sample
    measured by itself.
    """

    values: dict[str, float]
    per_sample: dict[str, np.ndarray]


class Evaluator(ABC):
    """higher_better: by the names of the metrics, which of two values is the better one. identity: what the
    values depend on beside the model and the samples, as text."""

    higher_better: Mapping[str, bool]
    identity: str

    @abstractmethod
    def __len__(self) -> int:
        """Number of samples."""

    @abstractmethod
    def measure(self, graph: Graph, indices: Sequence[int] | None = None) -> Scores:
        """On these samples, or on all."""

    def measure_variants(
        self, assembly: "Assembly", variants: Sequence["Variant"], indices: Sequence[int] | None = None
    ) -> Iterator[Scores]:
        """Variants of the int8 model, in their order."""
        return (self.measure(assembly.build(wanted), indices) for wanted in variants)

    @property
    def multiple(self) -> int:
        """A number of samples must be a multiple of this."""
        return 1


class MetricEvaluator(Evaluator):
    """Metrics on one loader. Raises DataError, before anything but the first batch runs, for samples without
    the labels that a metric needs or with labels that it cannot take, and for a metric that fails."""

    def __init__(
        self,
        metrics: Metric | Sequence[Metric],
        data: DataLoader,
        model: Graph,
        *,
        arithmetic: Arithmetic = "exact",
        batch_size: int = 32,
        progress: bool = False,
        check_finite: bool = True,
        pool: Pool | None = None,
    ) -> None:
        self._metrics = [metrics] if isinstance(metrics, Metric) else list(metrics)
        self._data, self._model = ModelData(data, model), model
        self.arithmetic, self._batch_size, self._progress, self._pool = (
            arithmetic,
            batch_size,
            progress,
            pool or Alone(),
        )
        self._reference = (
            FloatOutputs(model, self._pool.threads) if any(m.needs_reference for m in self._metrics) else None
        )
        self.higher_better = {metric_name(metric): metric.higher_better for metric in self._metrics}
        if len(self.higher_better) != len(self._metrics):
            raise DataError(
                f"metrics: expected different names, found {', '.join(m.name for m in self._metrics)}."
            )
        for metric in self._metrics:
            with failing_as(f"metric {metric.name} failed"):
                metric.reset()
            check_needs(metric, self._data, model)
        self.identity = "\n".join([arithmetic, *map(identity, self._metrics)])
        if len(self._data) % self.multiple:
            raise DataError(
                f"{self._data.name}: {counted(len(self._data), 'sample')} cannot be divided into the model's "
                f"batches of {self.multiple}"
            )
        self._try_first_batch(check_finite)

    def __len__(self) -> int:
        return len(self._data)

    @property
    def multiple(self) -> int:
        return fixed_batch(self._model) or 1

    def measure(self, graph: Graph, indices: Sequence[int] | None = None) -> Scores:
        return self._measure(None, graph, indices)

    def measure_variants(
        self, assembly: "Assembly", variants: Sequence["Variant"], indices: Sequence[int] | None = None
    ) -> Iterator[Scores]:
        """On all samples, workers share the samples; on some, the models."""
        if indices is None:
            return (self._measure(wanted, assembly, None) for wanted in variants)
        return self._pool.map(_Whole, (self, assembly), [(wanted, indices) for wanted in variants])

    def _measure(
        self, wanted: "Variant | None", source: "Graph | Assembly", indices: Sequence[int] | None
    ) -> Scores:
        """source: a model; or an assembly, to build the variant that is wanted."""
        numbers = range(len(self._data)) if indices is None else indices
        cut = [
            numbers[r.start : r.stop]
            for r in pieces(0, len(numbers), PIECE, fixed_batch(self._model) or self._batch_size)
        ]
        each: list[list[float]] = [[] for _ in self._metrics]
        for metric in self._metrics:
            with failing_as(f"metric {metric.name} failed"):
                metric.reset()
        names = ", ".join(self.higher_better)
        with track(
            len(numbers), f"measuring {names}", quiet=not self._progress or indices is not None
        ) as advance:
            for piece in self._pool.map(functools.partial(_Parts, wanted), (self, source), cut):
                for metric, found, (part, alone) in zip(self._metrics, each, piece, strict=True):
                    with failing_as(f"metric {metric.name} failed"):
                        part.add_to(metric)
                    found += alone
                advance(len(alone))
        values = {}
        for metric in self._metrics:
            values[metric.name] = metric_value(metric)
        return Scores(values, {name: np.array(found) for name, found in zip(values, each, strict=True)})

    def remark_chance(self, values: Mapping[str, float]) -> None:
        """Warn of a metric by which the float model is no better than guessing. values: the float model's."""
        for metric in self._metrics:
            remark_chance(metric, values[metric.name], self._model, len(self._data), self.classes)

    @property
    def classes(self) -> Classes | None:
        """Which class each label is, where a metric needs labels and the data says."""
        return self._data.classes if any(metric.needs_labels for metric in self._metrics) else None

    def __getstate__(self) -> dict[str, Any]:
        """For a worker, who works alone; with nothing that was measured before."""
        metrics = copy.deepcopy(self._metrics)
        for metric in metrics:
            metric.reset()
        return vars(self) | {"_metrics": metrics, "_pool": Alone(self._pool.threads), "_progress": False}

    def truths(self, metric: Metric, batch: Batch, numbers: Sequence[int]) -> Any:
        """What a metric compares with: labels, or the float model's outputs. numbers: of the samples in the
        batch.
        """
        return (
            self._reference(batch.inputs, numbers)
            if metric.needs_reference and self._reference is not None
            else batch.labels
        )

    def _try_first_batch(self, check_finite: bool) -> None:
        """A metric that fails, and labels that it cannot take, are found here: all labels are looked at,
        against the first outputs.
        """
        value = self.measure(self._model, range(self.multiple)).values
        for name in value:
            if check_finite and math.isinf(value[name]):
                raise DataError(
                    f"metric {name} of the float model is infinite, so nothing can be said of a drop; "
                    "use agreement instead"
                )
        wanting = [metric for metric in self._metrics if metric.needs_labels]
        if not wanting:
            return
        first = next(iter(batches(Subset(self._data, range(self.multiple)), self._model, self._batch_size)))
        outputs = compiled(self._model, "exact", self._pool.threads).run(first.inputs)
        one = {name: array[:1] for name, array in outputs.items()}
        for index in range(len(self._data)):
            label = self._data.label(index)
            if label is None:
                raise DataError(
                    f"{self._data.where(index)} has no label, and others have. Label all samples, or none."
                )
            for metric in wanting:
                with failing_as(f"{self._data.where(index)}: metric {metric.name} failed"):
                    try:
                        metric.check_labels(one, as_labels([label]))
                    except DataError as error:
                        raise DataError(f"{self._data.where(index)}: {error}") from error


class _Whole:
    """Measures whole variants of a model, each on the same samples."""

    def __init__(self, evaluator: MetricEvaluator, assembly: "Assembly") -> None:
        self._evaluator, self._assembly = evaluator, assembly

    def __call__(self, piece: tuple["Variant", Sequence[int]]) -> Scores:
        wanted, indices = piece
        return self._evaluator.measure(self._assembly.build(wanted), indices)


class _Parts:
    """Measures one model, piece by piece of the samples."""

    def __init__(
        self, wanted: "Variant | None", evaluator: MetricEvaluator, source: "Graph | Assembly"
    ) -> None:
        self._graph: Graph = (
            source if isinstance(source, Graph) else source.build(wanted) if wanted else source.build()
        )
        self._evaluator = evaluator
        self._model = compiled(self._graph, evaluator.arithmetic, evaluator._pool.threads)

    def __call__(self, numbers: Sequence[int]) -> list[tuple[Part, list[float]]]:
        """What each metric is to see of these samples, and its value on each of them alone."""
        evaluator = self._evaluator
        found = []
        for metric in evaluator._metrics:
            with failing_as(f"metric {metric.name} failed"):
                found.append((Part(metric), copy.deepcopy(metric), list[float]()))
        for batch in batches(Subset(evaluator._data, numbers), self._graph, evaluator._batch_size):
            outputs = self._model.run(batch.inputs)
            of_batch = [numbers[i] for i in batch.indices]
            for metric, (part, probe, each) in zip(evaluator._metrics, found, strict=True):
                truth = evaluator.truths(metric, batch, of_batch)
                with failing_as(f"metric {metric.name} failed on samples {of_batch[0]} to {of_batch[-1]}"):
                    part.update(outputs, truth)
                    each += [_alone(probe, outputs, truth, i) for i in range(len(of_batch))]
        return [(part, each) for part, _, each in found]


class FloatOutputs:
    """The float model's outputs on samples, kept for the next time as long as they fit into `room` bytes."""

    def __init__(self, model: Graph, threads: int | None = None, room: int = 2**28) -> None:
        self._given = (model, threads, room)
        self._room = room
        self._executor: Executor | None = None
        self._known: dict[int, dict[str, np.ndarray]] = {}

    def __reduce__(self) -> Any:
        """For a worker: without what was kept here."""
        return FloatOutputs, self._given

    def __call__(self, inputs: Mapping[str, np.ndarray], numbers: Sequence[int]) -> dict[str, np.ndarray]:
        """Outputs by name, [n, ...]. numbers: of the samples in `inputs`."""
        if all(number in self._known for number in numbers):
            rows = [self._known[number] for number in numbers]
            return {name: np.stack([row[name] for row in rows]) for name in rows[0]}
        if self._executor is None:
            self._executor = compiled(self._given[0], "exact", self._given[1])
        outputs = self._executor.run(dict(inputs))
        for place, number in enumerate(numbers):
            row = {name: array[place].copy() for name, array in outputs.items()}
            size = sum(array.nbytes for array in row.values())
            if number not in self._known and size <= self._room:
                self._room -= size
                self._known[number] = row
        return outputs


def _alone(probe: Metric, outputs: Mapping[str, np.ndarray], truth: Any, i: int) -> float:
    """The metric of one sample of a batch."""
    probe.reset()
    one = slice(i, i + 1)
    if isinstance(truth, dict):
        truth = {name: array[one] for name, array in truth.items()}
    elif truth is not None:
        truth = truth[one]
    probe.update({name: array[one] for name, array in outputs.items()}, truth)
    return metric_value(probe)
