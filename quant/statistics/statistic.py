"""What calibration remembers of a tensor: one number per sample, aggregated over all samples, in memory that
does not grow with them.

Samples are reduced one by one, whatever batch they arrive in, and no aggregate depends on their order: so
results depend neither on the batch size, nor on where a run was interrupted, nor on how samples were shared
among processes (docs/calibration.md, "Statistics").
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from numpot.ir.graph import Graph, Tensor

from ..defaults import SAMPLE_BUDGET
from ..errors import QuantizationError
from ..settings.range_options import Aggregator, Reduction
from .aggregates import ESTIMATES, Aggregate, new_aggregate
from .collector import Collector
from .reductions import QUANTILES, Observation, Observed, Swept, needs_only_a_sweep

if TYPE_CHECKING:
    from numpot.ir.executor.executor import Executor

__all__ = ["Collector", "Statistic", "collect"]


class Statistic(Collector):
    """One number per sample (or one per channel), aggregated.

    reduction: what is taken of a sample. aggregate: how samples are combined. channel_axis: None to reduce
    the whole sample, else the axis (batch included) that is kept. quantile: which one, for the reductions
    that take one. budget: of distinct values a channel, for the aggregates that need them; None to keep every
    value.
    """

    def __init__(
        self,
        reduction: Reduction,
        aggregate: Aggregator,
        channel_axis: int | None = None,
        *,
        quantile: float = 0.0,
        budget: int | None = SAMPLE_BUDGET,
    ) -> None:
        super().__init__()
        self.reduction = reduction
        self.aggregate = aggregate
        self.channel_axis = channel_axis
        self.quantile = quantile
        self.budget = budget
        self.needs_only_a_sweep = needs_only_a_sweep(reduction, channel_axis)
        self._total: Aggregate | None = None
        self._channels = 0

    @property
    def key(self) -> str:
        which = f"={self.quantile!r}" if self.reduction in QUANTILES else ""
        budget = f" budget={self.budget}" if self.aggregate in ESTIMATES else ""
        return f"{self.reduction}{which} {self.aggregate} axis={self.channel_axis}{budget}"

    @property
    def value(self) -> np.ndarray:
        """The aggregate: () or (C,), float32."""
        if self._total is None:
            raise ValueError("no sample has been seen")
        value = self._total.value(self.count).astype(np.float32)
        return value.reshape(()) if self.channel_axis is None else value

    def _take(self, batch: Observation) -> None:
        values = batch.reduce(self.reduction, self.channel_axis, self.quantile)
        if not np.isfinite(values).all():
            raise ValueError("NaN or infinity")
        self._of_channels(values.shape[1]).add(values)

    def _merge(self, other: "Statistic") -> None:
        self._of_channels(other._channels).merge(other._total)

    def _state(self) -> dict[str, Any]:
        assert self._total is not None
        return {"channels": self._channels} | self._total.state()

    def _restore(self, state: dict[str, Any]) -> None:
        self._of_channels(int(state["channels"])).restore(state)

    def _of_channels(self, channels: int) -> Aggregate:
        if self._total is None:
            self._total = new_aggregate(self.aggregate, channels, self.budget)
            self._channels = channels
        return self._total


def collect(
    graph: Graph,
    inputs: Iterable[Mapping[str, np.ndarray]],
    wanted: Mapping[Tensor, Sequence[Collector]],
    *,
    first: int = 0,
    after_batch: Callable[[], None] | None = None,
    executor: "Executor | None" = None,
) -> None:
    """Run the model on every batch of `inputs` and let each collector take in its tensor, while it is hot in
    cache.

    first: the number of the first sample of `inputs`; a collector that has seen more samples already takes
    only those that are new to it. after_batch: called after each. executor: what `executor_for` made of the
    graph and the wanted tensors, if there is one already. Raises QuantizationError naming the tensor that
    holds NaN or infinity.
    """
    executor = executor or executor_for(graph, wanted)

    def take(tensor: Tensor, samples: int, from_sample: Callable[[int], Observation]) -> None:
        views: dict[int, Observation] = {}
        for collector in wanted[tensor]:
            seen = max(collector.count - first, 0)
            if seen not in views:
                views[seen] = from_sample(seen)
            try:
                collector.update(views[seen])
            except ValueError as error:
                raise QuantizationError(
                    f"tensor {tensor.name!r} of model {graph.name!r} holds {error} on calibration "
                    f"samples {first} to "
                    f"{first + samples - 1}; a range needs finite values. Drop these samples or repair "
                    "the model"
                ) from error

    def observer(tensor: Tensor, value: np.ndarray) -> None:
        take(tensor, len(value), lambda seen: Observed(value[seen:]))

    def take_swept(tensor: Tensor) -> None:
        low, high, total = executor.swept(tensor)
        positions = math.prod(tensor.shape[2:])
        take(tensor, len(low), lambda seen: Swept(low[seen:], high[seen:], total[seen:], positions))

    for batch in inputs:
        executor.run(batch, observer=observer)
        for tensor in executor.sweeps:
            take_swept(tensor)
        first += len(next(iter(batch.values())))
        if after_batch is not None:
            after_batch()


def executor_for(
    graph: Graph, wanted: Mapping[Tensor, Sequence[Collector]], threads: int | None = None
) -> "Executor":
    """What runs the graph so that `collect` can look at the wanted tensors, of which most need not be handed
    out but only be swept.
    """
    from numpot.ir.executor.executor import Executor  # numba: imported where it is used
    from numpot.ir.executor.plan import can_be_swept

    sweep = [t for t in wanted if not must_be_seen(t, wanted) and can_be_swept(t)]
    return Executor(graph, observe=wanted.keys() - set(sweep), sweep=sweep, threads=threads)


def must_be_seen(tensor: Tensor, wanted: Mapping[Tensor, Sequence[Collector]]) -> bool:
    """Whether extremes and sums are not all that is wanted of a tensor."""
    return not all(collector.needs_only_a_sweep for collector in wanted[tensor])
