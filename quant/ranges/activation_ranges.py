"""From what is asked for to the statistics that are needed, and from the statistics to bounds
(docs/calibration.md, "What is measured").
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np

from ..defaults import OUTLIER_PROB
from ..errors import QuantizationError
from ..placement.quantizer import Quantizer
from ..settings.range_options import Aggregator, RangeEnd, RangeEstimation, Reduction
from ..statistics.collector import Collectors
from ..statistics.histogram import Histogram
from ..statistics.statistic import Statistic
from .bounds import Bounds, asymmetric_range, symmetric_range
from .channel_importance import channel_axis_of, importance
from .histogram_search import least_noise_range, noise, percentile_range
from .parameters import SEARCHED
from .schemes import Scheme


@dataclass(frozen=True)
class End:
    """A resolved end of a range: nothing is left to defaults. quantile: of the reductions that take one."""

    reduction: Reduction
    aggregator: Aggregator
    quantile: float
    per_channel: bool

    def statistic(self, budget: int | None) -> Statistic:
        return Statistic(
            self.reduction,
            self.aggregator,
            1 if self.per_channel else None,
            quantile=self.quantile,
            budget=budget,
        )


def ends(scheme: Scheme, estimation: RangeEstimation) -> tuple[End, End]:
    """POT's table of default estimators, with what the user changes in it."""
    by_quantile = estimation.preset == "quantile"
    low: tuple[Reduction, Aggregator, bool] = (
        "quantile" if by_quantile else "min",
        "min" if scheme.per_channel else "mean",
        scheme.per_channel,
    )
    high: tuple[Reduction, Aggregator] = (
        "quantile" if by_quantile else "max",
        "max" if scheme.per_channel else "mean",
    )
    if scheme.symmetric:
        low = ("min", "min", False)  # only its sign counts, for all channels at once
        high = ("abs_quantile" if by_quantile else "abs_max", high[1])
    return _end(*low, estimation.min, below=True), _end(
        *high, scheme.per_channel, estimation.max, below=False
    )


def _end(
    reduction: Reduction, aggregator: Aggregator, per_channel: bool, asked: RangeEnd, *, below: bool
) -> End:
    share = OUTLIER_PROB if asked.outlier_prob is None else asked.outlier_prob
    return End(
        asked.type or reduction, asked.aggregator or aggregator, share if below else 1 - share, per_channel
    )


def fake_quantize_range(scheme: Scheme, low: np.ndarray, high: np.ndarray) -> Bounds:
    """Statistics -> bounds that hold zero on a code. high: the largest absolute value for a symmetric scheme.
    () or (C,).
    """
    if scheme.symmetric:
        return symmetric_range(low, high, scheme.levels, signed=scheme.signed)
    return asymmetric_range(low, high, scheme.levels)


def clipped(estimation: RangeEstimation, low: np.ndarray, high: np.ndarray) -> Bounds:
    """The last word has `clipping_value`: as in POT, after zero was put on a code, which may move it off
    again.

    Raises QuantizationError if nothing is left of the range.
    """
    if estimation.min.clipping_value is None and estimation.max.clipping_value is None:
        return low, high
    if estimation.min.clipping_value is not None:
        low = np.maximum(low, np.float32(estimation.min.clipping_value))
    if estimation.max.clipping_value is not None:
        high = np.minimum(high, np.float32(estimation.max.clipping_value))
    if np.any(low >= high):
        worst = int(np.argmin(np.ravel(high - low)))
        found = f"[{np.ravel(low)[worst]:g}, {np.ravel(high)[worst]:g}]"
        raise QuantizationError(
            f"range_estimator: clipping_value leaves nothing of a range, found {found}; zero must lie "
            "between the limits"
        )
    return low, high


# ---- one class for each kind of estimator ------------------------------------------------------------------


class MeasuredRange:
    """Each end is a statistic: presets `default` and `quantile`. budget: as for Statistic."""

    def __init__(
        self,
        quantizer: Quantizer,
        scheme: Scheme,
        estimation: RangeEstimation,
        collectors: Collectors,
        budget: int | None,
    ) -> None:
        self.estimator: str = estimation.preset
        self._scheme = scheme
        self._estimation = estimation
        self._low, self._high = (
            collectors.want(quantizer.tensor, e.statistic(budget)) for e in ends(scheme, estimation)
        )

    def bounds(self) -> Bounds:
        return clipped(
            self._estimation, *fake_quantize_range(self._scheme, self._low.value, self._high.value)
        )


class SearchedRange:
    """Both ends together, from a histogram: presets `percentile`, `mse` and `layer_noise`."""

    def __init__(
        self, quantizer: Quantizer, scheme: Scheme, estimation: RangeEstimation, collectors: Collectors
    ) -> None:
        self.estimator: str = estimation.preset
        self._quantizer = quantizer
        self._scheme = scheme
        self._estimation = estimation
        axis = 1 if scheme.per_channel else None
        by_channel = (
            axis if axis is not None or estimation.preset != "layer_noise" else channel_axis_of(quantizer)
        )
        self._histogram = collectors.want(quantizer.tensor, Histogram(by_channel))
        self._low = collectors.want(quantizer.tensor, Statistic("min", "min", axis))
        self._high = collectors.want(quantizer.tensor, Statistic("max", "max", axis))

    def bounds(self) -> Bounds:
        seen_low, seen_high = self._low.value, self._high.value
        low, high = (
            np.reshape(end, seen_low.shape)
            for end in self._search(seen_low.reshape(-1), seen_high.reshape(-1))
        )
        low, high = (
            np.maximum(low, np.minimum(seen_low, 0)).astype(np.float32),
            np.minimum(high, np.maximum(seen_high, 0)).astype(np.float32),
        )
        if self._scheme.symmetric:
            low, high = seen_low, np.maximum(high, -low)
        return clipped(self._estimation, *fake_quantize_range(self._scheme, low, high))

    def _search(self, seen_low: np.ndarray, seen_high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(C,), (C,), or (1,), (1,) for the whole tensor."""
        if self._estimation.preset == "percentile":
            below, above = (
                OUTLIER_PROB if e.outlier_prob is None else e.outlier_prob
                for e in (self._estimation.min, self._estimation.max)
            )
            return percentile_range(self._histogram, below, above)
        signed = self._scheme.signed or bool((seen_low < 0).any())
        if self._scheme.per_channel:
            parts = [(self._histogram.of_channel(c), np.ones(1)) for c in range(len(seen_low))]
        elif self._estimation.preset == "mse":
            parts = [(self._histogram, np.ones(1))]
        else:
            parts = [(self._histogram, importance(self._quantizer, self._histogram))]
        found = [
            least_noise_range(histogram, weight, self._scheme, float(low), float(high), signed=signed)
            for (histogram, weight), low, high in zip(parts, seen_low, seen_high, strict=True)
        ]
        low, high = np.array(found).T
        return low, high


class ChosenRange:
    """Preset `auto`: of several estimators, the one whose range makes the least noise in the layers that read
    the tensor (channel_importance.py).
    """

    def __init__(
        self,
        quantizer: Quantizer,
        scheme: Scheme,
        estimation: RangeEstimation,
        collectors: Collectors,
        budget: int | None,
    ) -> None:
        self._quantizer = quantizer
        self._scheme = scheme
        self._candidates = {
            name: activation_range(quantizer, scheme, _limited(candidate, estimation), collectors, budget)
            for name, candidate in CANDIDATES.items()
        }
        self._histogram = collectors.want(
            quantizer.tensor, Histogram(1 if scheme.per_channel else channel_axis_of(quantizer))
        )

    @property
    def estimator(self) -> str:
        """Which was chosen."""
        return self._choice[0]

    def bounds(self) -> Bounds:
        return self._choice[1]

    @cached_property
    def _choice(self) -> tuple[str, Bounds]:
        weight = importance(self._quantizer, self._histogram)
        named = [(name, candidate.bounds()) for name, candidate in self._candidates.items()]
        return min(named, key=lambda choice: self._noise(choice[1], weight))

    def _noise(self, bounds: Bounds, weight: np.ndarray) -> float:
        low, high = (np.reshape(b, (-1, 1)) for b in bounds)  # of each channel, or one for all
        return float((weight @ noise(self._histogram, low, high, self._scheme.levels)).item())


ActivationRange = MeasuredRange | SearchedRange | ChosenRange

#: By name, what `auto` chooses from; the first wins a tie.
CANDIDATES: Final = {
    "default": RangeEstimation(),
    "minmax": RangeEstimation(min=RangeEnd(aggregator="min"), max=RangeEnd(aggregator="max")),
    "mse": RangeEstimation("mse"),
    "layer_noise": RangeEstimation("layer_noise"),
}


def _limited(candidate: RangeEstimation, asked: RangeEstimation) -> RangeEstimation:
    """The candidate, with the clipping values that are asked for."""
    low, high = (
        replace(c, clipping_value=a.clipping_value)
        for c, a in ((candidate.min, asked.min), (candidate.max, asked.max))
    )
    return replace(candidate, min=low, max=high)


def activation_range(
    quantizer: Quantizer,
    scheme: Scheme,
    estimation: RangeEstimation,
    collectors: Collectors,
    budget: int | None,
) -> ActivationRange:
    """What estimates the range of one activation quantizer; when the collectors are filled, `bounds()` gives
    it.
    """
    if estimation.preset == "auto":
        return ChosenRange(quantizer, scheme, estimation, collectors, budget)
    if estimation.preset in SEARCHED:
        return SearchedRange(quantizer, scheme, estimation, collectors)
    return MeasuredRange(quantizer, scheme, estimation, collectors, budget)
