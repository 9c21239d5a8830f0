"""From what is asked for to the statistics that are needed, and from the statistics to bounds (docs/calibration.md, "What is measured")."""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from numpot.ir.graph import Tensor

from .aggregates import Aggregator
from .defaults import OUTLIER_PROB
from .histogram import Histogram
from .range_parameters import RangeEnd, RangeEstimation
from .range_search import least_error_range, percentile_range
from .ranges import Bounds, asymmetric_range, symmetric_range
from .reductions import Reduction
from .schemes import Scheme
from .statistics import Collector, Statistic

C = TypeVar("C", bound=Collector)


class Collectors:
    """All that is to be collected, without doubles: those who want the same of a tensor share it."""

    def __init__(self) -> None:
        self.wanted: dict[Tensor, dict[str, Collector]] = {}

    def want(self, tensor: Tensor, collector: C) -> C:
        """The collector to read afterwards."""
        found = self.wanted.setdefault(tensor, {}).setdefault(collector.key, collector)
        assert isinstance(found, type(collector))
        return found

    @property
    def by_tensor(self) -> dict[Tensor, list[Collector]]:
        return {tensor: list(collectors.values()) for tensor, collectors in self.wanted.items()}


@dataclass(frozen=True)
class End:
    """A resolved end of a range: nothing is left to defaults. quantile: of the reductions that take one."""

    reduction: Reduction
    aggregator: Aggregator
    quantile: float
    per_channel: bool

    def statistic(self, budget: int | None) -> Statistic:
        return Statistic(self.reduction, self.aggregator, 1 if self.per_channel else None, quantile=self.quantile, budget=budget)


def ends(scheme: Scheme, estimation: RangeEstimation) -> tuple[End, End]:
    """POT's table of default estimators, with what the user changes in it."""
    by_quantile = estimation.preset == "quantile"
    low: tuple[Reduction, Aggregator, bool] = (
        "quantile" if by_quantile else "min",
        "min" if scheme.per_channel else "mean",
        scheme.per_channel,
    )
    high: tuple[Reduction, Aggregator] = ("quantile" if by_quantile else "max", "max" if scheme.per_channel else "mean")
    if scheme.symmetric:
        low = ("min", "min", False)  # only its sign counts, for all channels at once
        high = ("abs_quantile" if by_quantile else "abs_max", high[1])
    return _end(*low, estimation.min, below=True), _end(*high, scheme.per_channel, estimation.max, below=False)


def _end(reduction: Reduction, aggregator: Aggregator, per_channel: bool, asked: RangeEnd, *, below: bool) -> End:
    share = OUTLIER_PROB if asked.outlier_prob is None else asked.outlier_prob
    return End(asked.type or reduction, asked.aggregator or aggregator, share if below else 1 - share, per_channel)


# ---- activations ---------------------------------------------------------------------------------------------------------------


class ActivationRange:
    """The bounds of one activation quantizer, from what its estimator collects. budget: as for Statistic."""

    def __init__(self, tensor: Tensor, scheme: Scheme, estimation: RangeEstimation, collectors: Collectors, budget: int | None) -> None:
        self.scheme = scheme
        self.estimation = estimation
        axis = 1 if scheme.per_channel else None
        low, high = ends(scheme, RangeEstimation() if self._is_searched else estimation)
        if self._is_searched:
            self._histogram = collectors.want(tensor, Histogram(axis))
            self._low = collectors.want(tensor, Statistic("min", "min", axis))
            self._high = collectors.want(tensor, Statistic("max", "max", axis))
        else:
            self._low = collectors.want(tensor, low.statistic(budget))
            self._high = collectors.want(tensor, high.statistic(budget))

    @property
    def _is_searched(self) -> bool:
        return self.estimation.preset in ("percentile", "mse")

    def bounds(self) -> Bounds:
        low, high = self._searched() if self._is_searched else (self._low.value, self._high.value)
        return clipped(self.estimation, *fake_quantize_range(self.scheme, low, high))

    def _searched(self) -> Bounds:
        """In the form that statistics have: the low end, and the largest absolute value or the high end."""
        seen_low, seen_high = self._low.value, self._high.value
        if self.estimation.preset == "percentile":
            share = max(OUTLIER_PROB if e.outlier_prob is None else e.outlier_prob for e in (self.estimation.min, self.estimation.max))
            low, high = percentile_range(self._histogram, share)
        else:
            low, high = least_error_range(self._histogram, self.scheme)
        shape = seen_low.shape
        if self.scheme.symmetric:
            return seen_low, np.minimum(np.maximum(high, -low).reshape(shape), np.maximum(-seen_low, seen_high)).astype(np.float32)
        return np.maximum(low.reshape(shape), seen_low).astype(np.float32), np.minimum(high.reshape(shape), seen_high).astype(np.float32)


def fake_quantize_range(scheme: Scheme, low: np.ndarray, high: np.ndarray) -> Bounds:
    """Statistics -> bounds that hold zero on a code. high: the largest absolute value for a symmetric scheme. () or (C,)."""
    if scheme.symmetric:
        return symmetric_range(low, high, scheme.levels, signed=scheme.signed)
    return asymmetric_range(low, high, scheme.levels)


def clipped(estimation: RangeEstimation, low: np.ndarray, high: np.ndarray) -> Bounds:
    """The last word has `clipping_value`: as in POT, after zero was put on a code, which may move it off again."""
    if estimation.min.clipping_value is not None:
        low = np.maximum(low, np.float32(estimation.min.clipping_value))
    if estimation.max.clipping_value is not None:
        high = np.minimum(high, np.float32(estimation.max.clipping_value))
    return low, high
