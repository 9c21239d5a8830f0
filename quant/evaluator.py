"""Evaluator: measures models on one data set, as a whole and sample by sample, for the accuracy-aware search."""

import copy
import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from numpot.ir.graph import Graph
from numpot.ir.lowering import Arithmetic

from .data import Batch, DataError, DataLoader, ModelData, Subset, as_labels, batches, fixed_batch
from .data_plugins import failing_as
from .evaluation import check_needs, compiled
from .identity import identity
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
    """Metrics on one loader. Raises DataError, before anything but the first batch runs, for samples without the labels that a metric
    needs or with labels that it cannot take, and for a metric that fails."""

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
    ) -> None:
        self._metrics = [metrics] if isinstance(metrics, Metric) else list(metrics)
        self._data, self._model = ModelData(data, model), model
        self._arithmetic, self._batch_size, self._progress = arithmetic, batch_size, progress
        self._reference = FloatOutputs(model) if any(m.needs_reference for m in self._metrics) else None
        self.higher_better = {metric.name: metric.higher_better for metric in self._metrics}
        if len(self.higher_better) != len(self._metrics):
            raise DataError(f"metrics: expected different names, found {', '.join(m.name for m in self._metrics)}.")
        for metric in self._metrics:
            with failing_as(f"metric {metric.name} failed"):
                metric.reset()
            check_needs(metric, self._data, model)
        self.identity = "\n".join([arithmetic, *map(identity, self._metrics)])
        if len(self._data) % self.multiple:
            raise DataError(f"{self._data.name}: {len(self._data)} samples do not fill the model's batches of {self.multiple}")
        self._try_first_batch(check_finite)

    def __len__(self) -> int:
        return len(self._data)

    @property
    def multiple(self) -> int:
        return fixed_batch(self._model) or 1

    def measure(self, graph: Graph, indices: Sequence[int] | None = None) -> Scores:
        numbers = range(len(self._data)) if indices is None else indices
        probes = copy.deepcopy(self._metrics)
        each: list[list[float]] = [[] for _ in probes]
        for metric in self._metrics:
            with failing_as(f"metric {metric.name} failed"):
                metric.reset()
        names = ", ".join(self.higher_better)
        with track(len(numbers), f"measuring {names}", quiet=not self._progress or indices is not None) as advance:
            for batch, outputs in self._outputs(graph, numbers):
                for metric, probe, found in zip(self._metrics, probes, each, strict=True):
                    truth: Any = batch.labels
                    if metric.needs_reference and self._reference is not None:
                        truth = self._reference(batch.inputs, [numbers[i] for i in batch.indices])
                    with failing_as(f"metric {metric.name} failed on samples {batch.indices[0]} to {batch.indices[-1]}"):
                        metric.update(outputs, truth)
                        found += [_alone(probe, outputs, truth, i) for i in range(len(batch.indices))]
                advance(len(batch.indices))
        values = {}
        for metric in self._metrics:
            with failing_as(f"metric {metric.name} failed"):
                values[metric.name] = float(metric.value)
        return Scores(values, {name: np.array(found) for name, found in zip(values, each, strict=True)})

    def _outputs(self, graph: Graph, numbers: Sequence[int]) -> Iterator[tuple[Batch, dict[str, np.ndarray]]]:
        model = compiled(graph, self._arithmetic, None)
        for batch in batches(Subset(self._data, numbers), graph, self._batch_size):
            yield batch, model.run(batch.inputs)

    def _try_first_batch(self, check_finite: bool) -> None:
        """A metric that fails, and labels that it cannot take, are found here: all labels are looked at, against the first outputs."""
        value = self.measure(self._model, range(self.multiple)).values
        for name in value:
            if check_finite and math.isinf(value[name]):
                raise DataError(f"metric {name} of the float model is infinite, so nothing can be said of a drop; use agreement instead")
        wanting = [metric for metric in self._metrics if metric.needs_labels]
        if not wanting:
            return
        _, outputs = next(iter(self._outputs(self._model, range(self.multiple))))
        one = {name: array[:1] for name, array in outputs.items()}
        for index in range(len(self._data)):
            label = self._data.label(index)
            if label is None:
                raise DataError(f"{self._data.where(index)} has no label, and others have. Label all samples, or none.")
            for metric in wanting:
                with failing_as(f"{self._data.where(index)}: metric {metric.name} failed"):
                    try:
                        metric.check_labels(one, as_labels([label]))
                    except DataError as error:
                        raise DataError(f"{self._data.where(index)}: {error}") from error


class FloatOutputs:
    """The float model's outputs on samples, kept for the next time as long as they fit into `room` bytes."""

    def __init__(self, model: Graph, room: int = 2**28) -> None:
        self._model, self._room = compiled(model, "exact", None), room
        self._known: dict[int, dict[str, np.ndarray]] = {}

    def __call__(self, inputs: Mapping[str, np.ndarray], numbers: Sequence[int]) -> dict[str, np.ndarray]:
        """Outputs by name, [n, ...]. numbers: of the samples in `inputs`."""
        if all(number in self._known for number in numbers):
            rows = [self._known[number] for number in numbers]
            return {name: np.stack([row[name] for row in rows]) for name in rows[0]}
        outputs = self._model.run(dict(inputs))
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
    return float(probe.value)
