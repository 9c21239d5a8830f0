"""Compute the statistic of one sample: its largest value, a quantile, ... (eq. S1 in docs/calibration.md).

    r_i = min x_i,  max x_i,  max |x_i|,  mean x_i,  Q(x_i; q)  or  Q(|x_i|; q)                (S1)

x_i are the values of sample i, Q is their quantile. An `Observation` is a batch of which reductions can be
had: `Observed`, where an observer sees the tensor, or `Swept`, where only extremes and sums were found. What
several statistics of a tensor have in common is computed once, while the tensor is hot in cache: the largest
absolute value from the smallest and the largest value, both tails from one partial sort.
"""

import math
from abc import ABC, abstractmethod
from typing import Final, get_args

import numpy as np

from ..settings.range_options import Reduction

REDUCTIONS: Final = get_args(Reduction)
QUANTILES: Final = ("quantile", "abs_quantile")
MOST_IN_TAILS: Final = 16  # of the smallest and the largest numbers are kept; sorting is cheaper than more
# what one reading of images gives
SWEPT: Final = (("min", None), ("max", None), ("min", 1), ("max", 1), ("mean", 1))


#: Reduction, channel axis, quantile -> what it gives.
Known = dict[tuple[str, int | None, float], np.ndarray]


class Observation(ABC):
    """Samples of one tensor, seen or swept. known: reductions that are there from the start."""

    def __init__(self, known: Known) -> None:
        self._known = known

    @abstractmethod
    def __len__(self) -> int:
        """Number of samples."""

    @property
    @abstractmethod
    def x(self) -> np.ndarray:
        """The samples themselves, (N, ...) float32. Raises NotImplementedError where they were not seen."""

    def reduce(self, reduction: Reduction, channel_axis: int | None, q: float = 0.0) -> np.ndarray:
        """(N, 1) if channel_axis is None, else (N, C); float32. channel_axis: the axis, batch included, that
        is kept. q: of a quantile. Raises NotImplementedError for what a sweep does not give.
        """
        key = (reduction, channel_axis, q if reduction in QUANTILES else 0.0)
        if key not in self._known:
            if reduction == "abs_max":
                low, high = self.reduce("min", channel_axis), self.reduce("max", channel_axis)
                self._known[key] = np.maximum(high, -low)
            else:
                self._known.update(self._computed(*key))
        return self._known[key]

    @abstractmethod
    def _computed(self, reduction: Reduction, channel_axis: int | None, q: float) -> Known:
        """What is not known yet, and what is had with it."""


class Observed(Observation):
    """Samples of one tensor. x: (N, ...) float32."""

    def __init__(self, x: np.ndarray) -> None:
        super().__init__({})
        self._x = x

    def __len__(self) -> int:
        return len(self._x)

    @property
    def x(self) -> np.ndarray:
        return self._x

    def _computed(self, reduction: Reduction, channel_axis: int | None, q: float) -> Known:
        if reduction in QUANTILES:
            return self._tails(reduction, channel_axis, q)
        if (reduction, channel_axis) in SWEPT and self._lies_channels_last:
            return self._swept()
        return {(reduction, channel_axis, q): self._reduced(reduction, channel_axis)}

    @property
    def _lies_channels_last(self) -> bool:
        """Images as the executor makes them: of shape (N,C,H,W), in memory (N,H,W,C)."""
        x = self.x
        return (
            x.ndim == 4
            and x.dtype == np.float32
            and x.size > 0
            and bool(x.transpose(0, 2, 3, 1).flags.c_contiguous)
        )

    @property
    def _images(self) -> np.ndarray:
        """(N,P,C): what lies channels last."""
        images, channels, height, width = self.x.shape
        return self.x.transpose(0, 2, 3, 1).reshape(images, height * width, channels)

    def _swept(self) -> Known:
        from numpot.kernels.statistics.min_max_sum import min_max_sum  # numba: imported where it is used

        return _from_sweep(*min_max_sum(self._images), self._images.shape[1])

    def _reduced(self, reduction: Reduction, channel_axis: int | None) -> np.ndarray:
        kept = {0} if channel_axis is None else {0, channel_axis % self.x.ndim}
        axes = tuple(a for a in range(self.x.ndim) if a not in kept)
        if reduction == "mean":
            value = self.x.mean(axis=axes, dtype=np.float64)
        else:
            value = (np.min if reduction == "min" else np.max)(self.x, axis=axes)
        return value.reshape(len(self.x), -1).astype(np.float32)

    def _tails(self, reduction: Reduction, channel_axis: int | None, q: float) -> Known:
        """The quantile that is asked for and the opposite one, which as a rule is asked for next."""
        if (reduction, channel_axis) == ("quantile", 1) and self._lies_channels_last:
            positions = math.prod(self.x.shape[2:])
            # and one more, where 1 - q is not quite the opposite
            count = min(int(min(q, 1 - q) * (positions - 1)) + 3, positions)
            if count <= MOST_IN_TAILS:
                both = _near_the_ends(self._images, count, np.array([q, 1 - q]))
                return {(reduction, channel_axis, 1 - q): both[1], (reduction, channel_axis, q): both[0]}
        values = self.rows(channel_axis)
        values = np.abs(values) if reduction == "abs_quantile" else values
        both = np.quantile(values, [q, 1 - q], axis=2).astype(np.float32)
        return {(reduction, channel_axis, 1 - q): both[1], (reduction, channel_axis, q): both[0]}

    def rows(self, channel_axis: int | None) -> np.ndarray:
        """(N, C, M): the M numbers of each channel of each sample; C is 1 if channel_axis is None."""
        if channel_axis is None:
            return self.x.reshape(len(self.x), 1, -1)
        channels = self.x.shape[channel_axis]
        return (
            np.moveaxis(self.x, channel_axis, 1).reshape(len(self.x), channels, -1)
            if channels
            else self.x.reshape(len(self.x), 0, 0)
        )


class Swept(Observation):
    """Images of which nothing is there but what a sweep found (kernels/statistics/min_max_sum.py): enough for
    what `needs_only_a_sweep` says. low, high, total: (N,C). positions: of each image.
    """

    def __init__(self, low: np.ndarray, high: np.ndarray, total: np.ndarray, positions: int) -> None:
        super().__init__(_from_sweep(low, high, total, positions))
        self._samples = len(low)

    def __len__(self) -> int:
        return self._samples

    @property
    def x(self) -> np.ndarray:
        raise NotImplementedError(
            "a sweep found extremes and sums only; the samples themselves were not seen"
        )

    def _computed(self, reduction: Reduction, channel_axis: int | None, q: float) -> Known:
        known = ", ".join(f"{name} of axis {axis}" for name, axis in SWEPT)
        raise NotImplementedError(
            f"a sweep gives {known}; expected one of these, found {reduction} of axis {channel_axis}. "
            "Observe the tensor instead (needs_only_a_sweep)"
        )


def _from_sweep(low: np.ndarray, high: np.ndarray, total: np.ndarray, positions: int) -> Known:
    broken = np.isnan(total)
    if broken.any():
        low, high = np.where(broken, np.float32(np.nan), low), np.where(broken, np.float32(np.nan), high)
    return {
        ("min", 1, 0.0): low,
        ("max", 1, 0.0): high,
        ("mean", 1, 0.0): (total / positions).astype(np.float32),
        ("min", None, 0.0): low.min(axis=1, keepdims=True),
        ("max", None, 0.0): high.max(axis=1, keepdims=True),
    }


def _near_the_ends(images: np.ndarray, count: int, quantiles: np.ndarray) -> list[np.ndarray]:
    """(N,C) float32 each: the quantiles of the channels of images (N,P,C), as numpy.quantile has them, from
    their `count` smallest and largest numbers."""
    from numpot.kernels.statistics.extreme_values import extreme_values  # numba: imported where it is used

    (low, high), last = extreme_values(images, count), images.shape[1] - 1

    def ranked(rank: int) -> np.ndarray:
        return low[:, rank] if rank < count else high[:, last - rank]

    found = []
    for position in last * quantiles:
        rank = int(position)
        a, b, t = ranked(rank), ranked(min(rank + 1, last)), position - rank
        step = (b - a).astype(np.float64)
        found.append((a + step * t if t < 0.5 else b - step * (1 - t)).astype(np.float32))
    return found


def needs_only_a_sweep(reduction: Reduction, channel_axis: int | None) -> bool:
    """Whether `Swept` gives it."""
    return (reduction, channel_axis) in SWEPT or (reduction == "abs_max" and channel_axis in (None, 1))
