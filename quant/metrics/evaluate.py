"""evaluate: a metric of a model on a data set."""

import functools
import time
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from numpot.ir.errors import AnyPath
from numpot.ir.formats.model_files import as_graph
from numpot.ir.graph import Graph
from numpot.ir.lowering.lower import Arithmetic

from ..data.loader import DataLoader
from ..data.model_data import ModelData
from ..data.plugins import failing_as
from ..data.sources import Subset, batches, fixed_batch, subset
from ..errors import DataError
from ..parallel.pool import Alone, Pool, pieces
from ..parallel.progress import track
from ..settings.arguments import as_loader, check_options
from .chance import remark_chance
from .metric import Metric, metric_name, metric_value
from .names import as_metric
from .not_finite import NotFinite, NotFiniteWarning
from .partial_metric import PIECE, Part

if TYPE_CHECKING:
    from numpot.ir.executor.executor import Executor


@dataclass(frozen=True)
class Evaluation:
    """What was measured: the metric's name and value, on how many samples, in how many seconds, with which
    arithmetic.

    not_finite: how many of the model's outputs were NaN or infinite. classes: name -> label, where the data
    says and the metric asks.
    """

    metric: str
    value: float
    samples: int
    seconds: float
    arithmetic: Arithmetic
    not_finite: NotFinite = field(default_factory=NotFinite)
    classes: dict[str, int] | None = None


def evaluate(
    graph: Graph | AnyPath,
    data: DataLoader | AnyPath,
    metric: Metric | str,
    *,
    reference: Graph | AnyPath | None = None,
    arithmetic: Arithmetic = "exact",
    batch_size: int = 32,
    limit: int | None = None,
    threads: int | None = None,
    progress: bool = False,
    pool: Pool | None = None,
) -> Evaluation:
    """Run the model on the data (its first `limit` samples) and compute the metric.

    graph, data: objects or their paths, which are opened; metric: an object or its name. reference: the model
    to compare with, for a metric that needs one; it runs on the same batches. The value does not depend on
    `batch_size`. threads: of this process. progress: show progress on stderr. pool: workers, from
    `open_pool`; by default this process alone. Raises DataError, before anything runs, for data
    that does not fit the model, and for missing labels or a missing reference that the metric needs; and for
    a metric that fails or has no number as its value. Warns of outputs that are NaN or infinite
    (NotFiniteWarning), and of a float model that is no better than guessing (ChanceWarning).
    """
    check_options(
        evaluate,
        arithmetic=arithmetic,
        batch_size=batch_size,
        limit=limit,
        threads=threads,
        progress=progress,
        pool=pool,
    )
    graph, metric = as_graph(graph), as_metric(metric)
    reference = None if reference is None else as_graph(reference, "the reference")
    data = as_loader(data, graph)
    data = ModelData(data if limit is None else subset(data, limit), graph)
    check_needs(metric, data, reference)
    if metric.needs_reference and reference is not None:
        same_outputs(graph, reference)
    pool = Alone(threads) if pool is None or isinstance(pool, Alone) else pool
    cut = pieces(0, len(data), PIECE, fixed_batch(graph) or batch_size)
    work = functools.partial(_Measuring, arithmetic, batch_size, pool.threads)
    name = metric_name(metric)
    with failing_as(f"metric {name} failed in `reset`"):
        metric.reset()
    not_finite = NotFinite()
    start = time.perf_counter()
    with track(len(data), f"measuring {name}", quiet=not progress) as advance:
        shared = (metric, data, graph, reference if metric.needs_reference else None)
        for numbers, (part, seen) in zip(cut, pool.map(work, shared, cut), strict=True):
            with failing_as(f"metric {name} failed on samples {numbers[0]} to {numbers[-1]}"):
                part.add_to(metric)
            not_finite.add(seen)
            advance(len(numbers))
    if not_finite:
        warnings.warn(not_finite.sentence(f"model {graph.name!r}"), NotFiniteWarning, stacklevel=2)
    value, seconds = metric_value(metric), time.perf_counter() - start
    classes = data.classes if metric.needs_labels else None
    remark_chance(metric, value, graph, len(data), classes)
    return Evaluation(
        name, value, len(data), seconds, arithmetic, not_finite, None if classes is None else classes.labels
    )


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

    def __call__(self, numbers: range) -> tuple[Part, NotFinite]:
        name = metric_name(self._metric)
        with failing_as(f"metric {name} failed"):
            part = Part(self._metric)
        not_finite = NotFinite()
        for batch in batches(Subset(self._data, numbers), self._graph, self._batch_size):
            outputs = self._model.run(batch.inputs)
            not_finite.look(outputs)
            truth = self._expected(batch.inputs) if self._reference else batch.labels
            of_batch = [numbers[i] for i in batch.indices]
            with failing_as(f"metric {name} failed on samples {of_batch[0]} to {of_batch[-1]}"):
                part.update(outputs, truth)
        return part, not_finite

    def _expected(self, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The reference's outputs, by the names that the model gives them."""
        assert self._reference is not None
        return {self._names[name]: y for name, y in self._reference.run(inputs).items()}


def same_outputs(graph: Graph, reference: Graph) -> dict[str, str]:
    """The name of each output of the reference -> that of the model's output that it stands for: by name, or
    else in their order.

    Raises DataError if there are more of one than of the other.
    """
    ours, theirs = ([node.name for node in g.outputs] for g in (graph, reference))
    if len(ours) != len(theirs):
        raise DataError(
            f"the reference must have the model's outputs, {', '.join(ours)}; it has {', '.join(theirs)}."
        )
    return {name: name for name in ours} if set(ours) == set(theirs) else dict(zip(theirs, ours, strict=True))


def compiled(graph: Graph, arithmetic: Arithmetic, threads: int | None) -> "Executor":
    from numpot.ir.executor.executor import Executor  # numba: imported where it is used

    return Executor(graph, arithmetic=arithmetic, threads=threads)


def check_needs(metric: Metric, data: ModelData, reference: Graph | None) -> None:
    if metric.needs_labels and data[0][1] is None:
        raise DataError(
            f"labels: metric {metric.name} needs labels, and {data.lacks}. "
            "Add one, or use --metric agreement with --reference, the float model."
        )
    if metric.needs_reference and reference is None:
        raise DataError(
            f"metric {metric.name} compares with a reference model, usually the float one, and none "
            "was given."
        )
