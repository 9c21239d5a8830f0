"""How often which values occur in a tensor, over all samples: what a search for the best range needs to know
(docs/calibration.md).

    w = 2^e,   e the least integer with max |x| < B w,   B = 1024 (a tensor), 256 (a channel)   (S7)

w is the width of a bin, B the number of bins on either side of zero. When a larger value comes, the width
doubles and two bins become one. Edges lie on zero and on multiples of the width, so the result depends
neither on the order of the samples nor on how they are shared among histograms that are later merged. Zeros
are counted apart: every range holds them, and rounds them to themselves.
"""

from typing import Any

import numpy as np

from ..defaults import HISTOGRAM_BINS, HISTOGRAM_BINS_OF_CHANNEL
from .collector import Collector, pack, unpack
from .reductions import Observation

EMPTY = -(2**9)  # the exponent before anything but zeros was seen


class Histogram(Collector):
    """Counts of the nonzero values of a tensor, or of each of its channels.

    counts: (C, 2B) int64; bin b holds [ (b - B) w, (b - B + 1) w ) with w = 2^exponent. exponent: (C,) int64.
    zeros: (C,) int64. B = HISTOGRAM_BINS for a whole tensor, HISTOGRAM_BINS_OF_CHANNEL for channels: 16 kB or
    4 kB each.
    """

    def __init__(self, channel_axis: int | None = None) -> None:
        super().__init__()
        self.channel_axis = channel_axis
        self.half = HISTOGRAM_BINS if channel_axis is None else HISTOGRAM_BINS_OF_CHANNEL
        self.counts = np.zeros((0, 2 * self.half), np.int64)
        self.exponent = np.zeros(0, np.int64)
        self.zeros = np.zeros(0, np.int64)

    @property
    def key(self) -> str:
        return f"histogram axis={self.channel_axis} bins={self.half}"

    @property
    def width(self) -> np.ndarray:
        """(C,) float64, of the bins."""
        return np.ldexp(1.0, self.exponent)

    @property
    def power(self) -> np.ndarray:
        """(C,) float64, the mean square, with values lying evenly in their bins."""
        total = self.counts.sum(axis=1) + self.zeros
        squares = (np.arange(-self.half, self.half) + 0.5) ** 2 + 1 / 12
        return (self.counts @ squares) * self.width**2 / np.maximum(total, 1)

    def of_channel(self, channel: int) -> "Histogram":
        """A histogram of one channel alone; a view, to read."""
        one = Histogram(self.channel_axis)
        one.counts, one.exponent, one.zeros = (
            a[channel : channel + 1] for a in (self.counts, self.exponent, self.zeros)
        )
        return one

    def _take(self, batch: Observation) -> None:
        largest = batch.reduce("abs_max", self.channel_axis).max(axis=0)
        if not np.isfinite(largest).all():
            raise ValueError("NaN or infinity")
        self._resize(len(largest))
        self._widen(_exponent(largest, self.half))
        channels, bins = len(largest), 2 * self.half
        x, axis = batch.x, self.channel_axis
        line = [1] * x.ndim  # the shape that lines up a vector of channels with x
        if axis is not None:
            line[axis] = channels
        position = np.floor(np.multiply(x, np.ldexp(1.0, -self.exponent).reshape(line), dtype=np.float64))
        index = position.astype(np.int64) + (np.arange(channels) * bins + self.half).reshape(line)
        counts = np.bincount(index.ravel(order="K"), minlength=channels * bins).reshape(channels, bins)
        others = tuple(a for a in range(x.ndim) if a != (None if axis is None else axis % x.ndim))
        zeros = x.size // channels - np.count_nonzero(x, axis=others).reshape(channels)
        counts[:, self.half] -= zeros
        self.counts += counts
        self.zeros += zeros

    def _merge(self, other: "Collector") -> None:
        assert isinstance(other, Histogram)
        # a copy of the other, so that widening it changes nothing outside
        same = Histogram(self.channel_axis)
        same.counts, same.exponent, same.zeros = other.counts.copy(), other.exponent.copy(), other.zeros
        for one in (self, same):
            one._resize(max(len(self.zeros), len(other.zeros)))
        exponent = np.maximum(self.exponent, same.exponent)
        for one in (self, same):
            one._widen(exponent)
        self.counts += same.counts
        self.zeros = self.zeros + same.zeros

    def _resize(self, channels: int) -> None:
        if not len(self.zeros):
            self.counts = np.zeros((channels, 2 * self.half), np.int64)
            self.exponent = np.full(channels, EMPTY, np.int64)
            self.zeros = np.zeros(channels, np.int64)

    def _widen(self, exponent: np.ndarray) -> None:
        """Make the bins of each channel at least 2^exponent wide."""
        for channel in np.flatnonzero(exponent > self.exponent):
            if self.exponent[channel] != EMPTY:
                steps = min(int(exponent[channel] - self.exponent[channel]), 62)
                target = (np.arange(-self.half, self.half) >> steps) + self.half
                self.counts[channel] = np.bincount(target, self.counts[channel], 2 * self.half).astype(
                    np.int64
                )
            self.exponent[channel] = exponent[channel]

    def _state(self) -> dict[str, Any]:
        return {"counts": pack(self.counts), "exponent": pack(self.exponent), "zeros": pack(self.zeros)}

    def _restore(self, state: dict[str, Any]) -> None:
        exponent, zeros, counts = (unpack(state[name], np.int64) for name in ("exponent", "zeros", "counts"))
        if zeros.ndim != 1 or exponent.shape != zeros.shape or counts.shape != (len(zeros), 2 * self.half):
            raise ValueError(f"a histogram has shapes {counts.shape}, {exponent.shape} and {zeros.shape}")
        if (
            min(counts.min(initial=0), zeros.min(initial=0)) < 0
            or (np.abs(exponent) > np.finfo(np.float64).maxexp).any()
        ):
            raise ValueError("a histogram has counts or widths that cannot be")
        self.counts, self.exponent, self.zeros = counts, exponent, zeros


def _exponent(largest: np.ndarray, half: int) -> np.ndarray:
    """The least power of two with which values up to +-largest fall in `half` bins on either side."""
    exponent = np.frexp(largest.astype(np.float64))[1] - (half.bit_length() - 1)
    return np.where(largest > 0, exponent, EMPTY).astype(np.int64)
