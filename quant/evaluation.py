"""evaluate: a metric of a model on a data set."""

import functools
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from numpot.ir.graph import Graph
from numpot.ir.lowering import Arithmetic

from .data import DataError, DataLoader, ModelData, Subset, batches, fixed_batch, subset
from .metrics import Metric
from .parts import PIECE, Part
from .pool import Alone, Pool, pieces
from .progress import track

if TYPE_CHECKING:
    from numpot.ir.executor import Executor


@dataclass(frozen=True)
class Evaluation:
    """What was measured: the metric's name and value, on how many samples, in how many seconds, with which arithmetic."""

    metric: str
    value: float
    samples: int
    seconds: float
    arithmetic: Arithmetic


def evaluate(
    graph: Graph,
    data: DataLoader,
    metric: Metric,
    *,
    reference: Graph | None = None,
    arithmetic: Arithmetic = "exact",
    batch_size: int = 32,
    limit: int | None = None,
    threads: int | None = None,
    progress: bool = False,
    pool: Pool | None = None,
) -> Evaluation:
    """Run the model on the data (its first `limit` samples) and measure.

    reference: the model to compare with, for a metric that needs one; it runs on the same batches. The value does not depend on
    `batch_size`. threads: of this process. progress: show how far it is on stderr. pool: who shares the work, of
    `distributed.open_pool`; by default this process alone. Raises DataError, before anything runs, for data that does not fit the model,
    and for labels or a reference that the metric needs and nobody gave.
    """
    data = ModelData(data if limit is None else subset(data, limit), graph)
    check_needs(metric, data, reference)
    if metric.needs_reference and reference is not None:
        same_outputs(graph, reference)
    pool = Alone(threads) if pool is None or isinstance(pool, Alone) else pool
    cut = pieces(0, len(data), PIECE, fixed_batch(graph) or batch_size)
    work = functools.partial(_Measuring, arithmetic, batch_size, pool.threads)
    metric.reset()
    start = time.perf_counter()
    with track(len(data), f"measuring {metric.name}", quiet=not progress) as advance:
        shared = (metric, data, graph, reference if metric.needs_reference else None)
        for numbers, part in zip(cut, pool.map(work, shared, cut), strict=True):
            part.add_to(metric)
            advance(len(numbers))
    return Evaluation(metric.name, metric.value, len(data), time.perf_counter() - start, arithmetic)


class _Measuring:
    """What a metric is to see of one piece of the data after the other."""

    def __init__(
        self,
        arithmetic: Arithmetic,
        batch_size: int,
        threads: int | None,
        metric: Metric,
        data: ModelData,
        graph: Graph,
        reference: Graph | None,
    ) -> None:
        self._metric, self._data, self._graph, self._batch_size = metric, data, graph, batch_size
        self._model = compiled(graph, arithmetic, threads)
        self._reference = compiled(reference, "exact", threads) if reference is not None else None
        self._names = same_outputs(graph, reference) if reference is not None else {}

    def __call__(self, numbers: range) -> Part:
        part = Part(self._metric)
        for batch in batches(Subset(self._data, numbers), self._graph, self._batch_size):
            outputs = self._model.run(batch.inputs)
            part.update(outputs, self._expected(batch.inputs) if self._reference else batch.labels)
        return part

    def _expected(self, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The reference's outputs, by the names that the model gives them."""
        assert self._reference is not None
        return {self._names[name]: y for name, y in self._reference.run(inputs).items()}


def same_outputs(graph: Graph, reference: Graph) -> dict[str, str]:
    """The name of each output of the reference -> that of the model's output that it stands for: by name, or else in their order.

    Raises DataError if there are more of one than of the other.
    """
    ours, theirs = ([node.name for node in g.outputs] for g in (graph, reference))
    if len(ours) != len(theirs):
        raise DataError(f"the reference must have the model's outputs, {', '.join(ours)}; it has {', '.join(theirs)}.")
    return {name: name for name in ours} if set(ours) == set(theirs) else dict(zip(theirs, ours, strict=True))


def compiled(graph: Graph, arithmetic: Arithmetic, threads: int | None) -> "Executor":
    from numpot.ir.executor import Executor  # numba: imported where it is used

    return Executor(graph, arithmetic=arithmetic, threads=threads)


def check_needs(metric: Metric, data: ModelData, reference: Graph | None) -> None:
    if metric.needs_labels and data[0][1] is None:
        raise DataError(
            f"labels: metric {metric.name} needs labels, and {data.lacks}. Add one, or use --metric agreement, which needs none."
        )
    if metric.needs_reference and reference is None:
        raise DataError(f"metric {metric.name} compares with a reference model, usually the float one, and none was given.")
