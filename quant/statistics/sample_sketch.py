"""What is kept of many samples' values when their order matters: the median, the Hodges-Lehmann estimator,
means without outliers (docs/calibration.md).

    |r - r'| <= 2^(s-24) |r|                                                                  (S3)

A value r is remembered as r' when the last s bits of values are dropped. A sketch is a table of how often
each value occurred. Values are float32 numbers written as 32-bit integers that sort as they do. When a table
outgrows its budget, the last bit of every value is dropped, so neighbours share an entry; then the next bit,
and so on. What is dropped depends on the set of values alone, so neither the order of the samples nor how
they are shared among sketches that are later merged changes the result.
"""

import numpy as np

SIGN = np.uint32(1 << 31)
PENDING_ROWS = 64  # taken in together: sorting a table costs more than a few new values


class SampleSketch:
    """Values of C channels; exact until a channel has, on average, more than `budget` different ones (None:
    always exact).

    keys: (E,) uint64, channel << 32 | value, sorted. counts: (E,) int64. shift: bits dropped of each value.
    Memory: at most 16 bytes for each of budget * C entries (budget >= 256), and PENDING_ROWS * C values on
    their way.
    """

    def __init__(self, channels: int, budget: int | None) -> None:
        self.channels = channels
        self.budget = budget
        self.shift = 0
        self.keys = np.zeros(0, np.uint64)
        self.counts = np.zeros(0, np.int64)
        self._pending: list[np.ndarray] = []
        self._pending_rows = 0

    @property
    def relative_error(self) -> float:
        """No value is remembered with a relative error larger than this; 0 while the sketch is exact."""
        self.settle()
        return 0.0 if self.shift == 0 else 2.0 ** (self.shift - 24)

    def add(self, values: np.ndarray) -> None:
        """values: (n, C) float32."""
        self._pending.append(np.array(values, np.float32))
        self._pending_rows += len(values)
        if self._pending_rows >= PENDING_ROWS:
            self.settle()

    def merge(self, other: "SampleSketch") -> None:
        self.settle()
        other.settle()
        shift = max(self.shift, other.shift)
        tables = [(_coarser(s.keys, shift - s.shift), s.counts) for s in (self, other)]
        self.shift = shift
        self._replace(np.concatenate([k for k, _ in tables]), np.concatenate([c for _, c in tables]))

    def settle(self) -> None:
        """Move what is on its way into the table."""
        if self._pending:
            values = np.concatenate(self._pending)
            self._pending, self._pending_rows = [], 0
            channel = np.arange(self.channels, dtype=np.uint64) << np.uint64(32)
            keys = channel | (sortable(values) >> np.uint32(self.shift)).astype(np.uint64)
            self._replace(
                np.concatenate([self.keys, keys.ravel()]),
                np.concatenate([self.counts, np.ones(keys.size, np.int64)]),
            )

    def channel(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """The distinct values of a channel, ascending, float64, and how often each occurred."""
        self.settle()
        first, last = np.searchsorted(self.keys, np.array([index << 32, (index + 1) << 32], np.uint64))
        keys = (self.keys[first:last] & np.uint64(0xFFFFFFFF)).astype(np.uint32) << np.uint32(self.shift)
        middle = np.uint32((1 << self.shift) >> 1)
        return real(keys | middle).astype(np.float64), self.counts[first:last]

    def _replace(self, keys: np.ndarray, counts: np.ndarray) -> None:
        self.keys, self.counts = _gathered(keys, counts)
        while self.budget is not None and len(self.keys) > self.budget * self.channels and self.shift < 24:
            self.shift += 1
            self.keys, self.counts = _gathered(_coarser(self.keys, 1), self.counts)


def sortable(values: np.ndarray) -> np.ndarray:
    """float32 -> uint32 that sort as the numbers do; -0 counts as 0."""
    bits = (values + np.float32(0)).view(np.uint32)
    return bits ^ np.where(bits & SIGN, np.uint32(0xFFFFFFFF), SIGN)


def real(keys: np.ndarray) -> np.ndarray:
    """The inverse of `sortable`."""
    return (keys ^ np.where(keys & SIGN, SIGN, np.uint32(0xFFFFFFFF))).view(np.float32)


def _coarser(keys: np.ndarray, bits: int) -> np.ndarray:
    """Drop the last bits of the values, leaving the channels alone."""
    low = np.uint64(0xFFFFFFFF)
    return (keys & ~low) | ((keys & low) >> np.uint64(bits))


def _gathered(keys: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One entry per key, sorted."""
    order = np.argsort(keys, kind="stable")
    keys, counts = keys[order], counts[order]
    first = np.flatnonzero(np.diff(keys, prepend=~keys[:1]))
    return keys[first], np.add.reduceat(counts, first)
