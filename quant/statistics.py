"""What calibration remembers of a tensor: streaming, one sample at a time, in memory that does not grow with the samples.

A `Statistic` is a reduction over one sample (its largest value, say) and an aggregate of these over all samples (their mean, say).
Because samples are reduced one by one, whatever batch they arrive in, results do not depend on the batch size.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from numpot.ir.graph import Graph, Tensor

Reduction = Literal["min", "max", "abs_max", "mean"]
Aggregate = Literal["min", "max", "mean"]

_REDUCE: dict[str, Callable[..., Any]] = {
    "min": np.min,
    "max": np.max,
    "abs_max": lambda x, axis: np.maximum(np.max(x, axis), -np.min(x, axis)),
    "mean": lambda x, axis: np.mean(x, axis, dtype=np.float64),
}


@dataclass
class Statistic:
    """One number per sample (or one per channel), aggregated.

    reduction: what is taken of a sample. channel_axis: None to reduce the whole sample, else the axis (batch included) that is kept.
    aggregate: how samples are combined; `mean` accumulates in float64, in the order the samples arrive.
    """

    reduction: Reduction
    aggregate: Aggregate
    channel_axis: int | None = None
    count: int = 0
    _state: np.ndarray | None = field(default=None, repr=False)

    def update(self, x: np.ndarray) -> None:
        """Take in a batch. x: (N, ...) float32."""
        for value in self._reduce(x):
            self._add(value)

    @property
    def value(self) -> np.ndarray:
        """The aggregate: () or (C,), float32."""
        if self._state is None:
            raise ValueError("no sample has been seen")
        total = self._state / self.count if self.aggregate == "mean" else self._state
        return np.asarray(total, np.float32)

    def _reduce(self, x: np.ndarray) -> np.ndarray:
        """(N, ...) -> (N,) or (N, C)."""
        kept = {0} if self.channel_axis is None else {0, self.channel_axis % x.ndim}
        axes = tuple(a for a in range(x.ndim) if a not in kept)
        reduced: np.ndarray = _REDUCE[self.reduction](x, axis=axes) if axes else _REDUCE[self.reduction](x[..., None], axis=-1)
        return reduced

    def _add(self, value: np.ndarray) -> None:
        self.count += 1
        if self._state is None:
            self._state = np.array(value, np.float64)
        elif self.aggregate == "mean":
            self._state += value
        else:
            self._state = (np.minimum if self.aggregate == "min" else np.maximum)(self._state, value)


@dataclass
class Samples:
    """Values of a per-sample quantile, kept whole because their median is wanted: O(samples x channels), for few, small tensors."""

    quantile: float
    values: list[np.ndarray] = field(default_factory=list, repr=False)

    def update(self, x: np.ndarray) -> None:
        """x: (N, C, ...) float32; takes the quantile of each channel of each sample, linearly interpolated."""
        self.values += list(np.quantile(x.reshape(*x.shape[:2], -1), self.quantile, axis=2).astype(np.float32))

    @property
    def value(self) -> np.ndarray:
        """(C,), the median over samples."""
        return np.asarray(np.median(np.stack(self.values), axis=0), np.float32)


Collector = Statistic | Samples


def collect(graph: Graph, inputs: Iterable[Mapping[str, np.ndarray]], wanted: Mapping[Tensor, Iterable[Collector]]) -> None:
    """Run the model on every batch of `inputs` and let each collector take in its tensor, while it is hot in cache."""
    from numpot.ir.executor import Executor  # numba: imported where it is used

    executor = Executor(graph, observe=list(wanted))

    def observer(tensor: Tensor, value: np.ndarray) -> None:
        for collector in wanted[tensor]:
            collector.update(value)

    for batch in inputs:
        executor.run(batch, observer=observer)
