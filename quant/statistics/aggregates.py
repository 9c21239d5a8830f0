"""How the values of many samples become one, in memory that does not grow with the samples
(docs/calibration.md).

    Mean                      exact_sum.py                                  rounded once
    Robust                    sample_sketch.py, robust_estimators.py        of the sorted values

Each aggregate takes in (n, C) float32 numbers and gives (C,). None depends on the order of the samples.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Final, get_args

import numpy as np

from ..settings.range_options import Aggregator
from . import robust_estimators
from .collector import pack, unpack
from .exact_sum import LIMBS, ExactSum
from .sample_sketch import SampleSketch

AGGREGATORS: Final = get_args(Aggregator)


class Aggregate(ABC):
    """The values of C channels, aggregated so far."""

    @abstractmethod
    def add(self, values: np.ndarray) -> None: ...

    @abstractmethod
    def merge(self, other: Any) -> None: ...

    @abstractmethod
    def value(self, count: int) -> np.ndarray:
        """(C,), of `count` samples."""

    @abstractmethod
    def state(self) -> dict[str, Any]: ...

    @abstractmethod
    def restore(self, state: dict[str, Any]) -> None: ...


class Extreme(Aggregate):
    """The least or the largest value."""

    def __init__(self, channels: int, reduce: np.ufunc) -> None:
        self._reduce = reduce
        self._extreme = np.full(channels, np.inf if reduce is np.minimum else -np.inf, np.float32)

    def add(self, values: np.ndarray) -> None:
        self._reduce(self._extreme, self._reduce.reduce(values, axis=0), out=self._extreme)

    def merge(self, other: "Extreme") -> None:
        self._reduce(self._extreme, other._extreme, out=self._extreme)

    def value(self, count: int) -> np.ndarray:
        return self._extreme.copy()

    def state(self) -> dict[str, Any]:
        return {"extreme": pack(self._extreme)}

    def restore(self, state: dict[str, Any]) -> None:
        self._extreme = unpack(state["extreme"], np.float32).reshape(self._extreme.shape)


class Mean(Aggregate):
    """The mean: an exact sum, rounded once (exact_sum.py)."""

    def __init__(self, channels: int) -> None:
        self._sum = ExactSum(channels)

    def add(self, values: np.ndarray) -> None:
        self._sum.add(values)

    def merge(self, other: "Mean") -> None:
        self._sum.merge(other._sum)

    def value(self, count: int) -> np.ndarray:
        return self._sum.mean(count)

    def state(self) -> dict[str, Any]:
        return {"limbs": pack(self._sum.limbs)}

    def restore(self, state: dict[str, Any]) -> None:
        self._sum.limbs = unpack(state["limbs"], np.int64).reshape(LIMBS, -1)


class Robust(Aggregate):
    """A function of the sorted values, of which a sketch is kept (sample_sketch.py)."""

    def __init__(
        self, channels: int, budget: int | None, estimate: Callable[[np.ndarray, np.ndarray], float]
    ) -> None:
        self._sketch = SampleSketch(channels, budget)
        self._estimate = estimate

    def add(self, values: np.ndarray) -> None:
        self._sketch.add(values)

    def merge(self, other: "Robust") -> None:
        self._sketch.merge(other._sketch)

    def value(self, count: int) -> np.ndarray:
        return np.array(
            [self._estimate(*self._sketch.channel(c)) for c in range(self._sketch.channels)], np.float64
        )

    def state(self) -> dict[str, Any]:
        self._sketch.settle()
        return {
            "shift": self._sketch.shift,
            "keys": pack(self._sketch.keys),
            "counts": pack(self._sketch.counts),
        }

    def restore(self, state: dict[str, Any]) -> None:
        self._sketch.shift = int(state["shift"])
        self._sketch.keys, self._sketch.counts = (
            unpack(state["keys"], np.uint64),
            unpack(state["counts"], np.int64),
        )


ESTIMATES: Final = {
    "median": robust_estimators.median,
    "mean_no_outliers": robust_estimators.mean_no_outliers,
    "median_no_outliers": robust_estimators.median_no_outliers,
    "hl_estimator": robust_estimators.hodges_lehmann,
}


def new_aggregate(aggregator: Aggregator, channels: int, budget: int | None) -> Aggregate:
    if aggregator in ("min", "max"):
        return Extreme(channels, np.minimum if aggregator == "min" else np.maximum)
    return (
        Mean(channels)
        if aggregator in ("mean", "batch_mean")
        else Robust(channels, budget, ESTIMATES[aggregator])
    )
