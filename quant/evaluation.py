"""evaluate: a metric of a model on a data set."""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from numpot.ir.graph import Graph
from numpot.ir.lowering import Arithmetic

from .data import DataError, DataLoader, ModelData, batches, subset
from .metrics import Metric
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
) -> Evaluation:
    """Run the model on the data (its first `limit` samples) and measure.

    reference: the model to compare with, for a metric that needs one; it runs on the same batches. The value does not depend on
    `batch_size`. progress: show how far it is on stderr. Raises DataError, before anything runs, for data that does not fit the model,
    and for labels or a reference that the metric needs and nobody gave.
    """
    data = ModelData(data if limit is None else subset(data, limit), graph)
    check_needs(metric, data, reference)
    model = compiled(graph, arithmetic, threads)
    compared = compiled(reference, "exact", threads) if reference is not None and metric.needs_reference else None
    metric.reset()
    start = time.perf_counter()
    with track(len(data), f"measuring {metric.name}", quiet=not progress) as advance:
        for batch in batches(data, graph, batch_size):
            outputs = model.run(batch.inputs)
            metric.update(outputs, compared.run(batch.inputs) if compared else batch.labels)
            advance(len(batch.indices))
    return Evaluation(metric.name, metric.value, len(data), time.perf_counter() - start, arithmetic)


def compiled(graph: Graph, arithmetic: Arithmetic, threads: int | None) -> "Executor":
    from numpot.ir.executor import Executor  # numba: imported where it is used

    return Executor(graph, arithmetic=arithmetic, threads=threads)


def check_needs(metric: Metric, data: ModelData, reference: Graph | None) -> None:
    if metric.needs_labels and data[0][1] is None:
        raise DataError(f"labels: metric {metric.name} needs labels, and {data.lacks}. Add one, or use --metric sqnr, which needs none.")
    if metric.needs_reference and reference is None:
        raise DataError(f"metric {metric.name} compares with a reference model, usually the float one, and none was given.")
