"""What calibration remembers of a tensor: one number per sample, aggregated over all samples, in memory that does not grow with them.

Samples are reduced one by one, whatever batch they arrive in, and no aggregate depends on their order: so results depend neither on the
batch size, nor on where a run was interrupted, nor on how samples were shared among processes (docs/calibration.md, "Statistics").
"""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from numpot.ir.graph import Graph, Tensor

from .aggregates import ESTIMATES, Aggregate, Aggregator, new_aggregate
from .defaults import SAMPLE_BUDGET
from .errors import QuantizationError
from .reductions import QUANTILES, Observed, Reduction
from .state import Collector

if TYPE_CHECKING:
    from numpot.ir.executor import Executor

__all__ = ["Collector", "Statistic", "collect"]


class Statistic(Collector):
    """One number per sample (or one per channel), aggregated.

    reduction: what is taken of a sample. aggregate: how samples are combined. channel_axis: None to reduce the whole sample, else the axis
    (batch included) that is kept. quantile: which one, for the reductions that take one. budget: of distinct values a channel, for the
    aggregates that need them; None to keep every value.
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

    def _take(self, batch: Observed) -> None:
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
    wanted: Mapping[Tensor, Iterable[Collector]],
    *,
    first: int = 0,
    after_batch: Callable[[], None] | None = None,
    executor: "Executor | None" = None,
) -> None:
    """Run the model on every batch of `inputs` and let each collector take in its tensor, while it is hot in cache.

    first: the number of the first sample of `inputs`; a collector that has seen more samples already takes only those that are new to it.
    after_batch: called after each. executor: of the graph, observing the wanted tensors, if there is one already. Raises
    QuantizationError naming the tensor that holds NaN or infinity.
    """
    from numpot.ir.executor import Executor  # numba: imported where it is used

    executor = executor or Executor(graph, observe=list(wanted))

    def observer(tensor: Tensor, value: np.ndarray) -> None:
        views: dict[int, Observed] = {}
        for collector in wanted[tensor]:
            seen = max(collector.count - first, 0)
            batch = views.setdefault(seen, Observed(value[seen:]))
            try:
                collector.update(batch)
            except ValueError as error:
                raise QuantizationError(
                    f"tensor {tensor.name!r} of model {graph.name!r} holds {error} on calibration samples {first} to "
                    f"{first + len(value) - 1}; a range needs finite values. Drop these samples or repair the model"
                ) from error

    for batch in inputs:
        executor.run(batch, observer=observer)
        first += len(next(iter(batch.values())))
        if after_batch is not None:
            after_batch()
