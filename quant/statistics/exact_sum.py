"""Sums of float32 numbers without any rounding, so that a mean is the same in whatever order, batches or
shares samples arrive (docs/calibration.md).

    mean r = round(2^-149 / n * sum of (2^149 r_i))                                           (S2)

r_i are n float32 numbers. Every one is an integer times 2^-149, and 277 bits hold the largest. The sum is
kept as such an integer, in limbs of 32 bits; only the mean is rounded, once.

    limb 9         ...     limb 1           limb 0          10 x 32 bits: 277 of a number, 43 of carries
    2^139 ..       ...     2^-117 ..        2^-149 ..       what the lowest bit of each stands for
"""

import numpy as np

LIMB_BITS = 32
LIMBS = 10  # 277 bits, and 43 for carries: room for 2^43 numbers
LOWEST_EXPONENT = 149  # the least positive float32 is 2^-149
ROWS = 128  # added at once: 128 shifted mantissas of 55 bits stay below 2^62


class ExactSum:
    """The sum of vectors of C numbers.

    limbs: (LIMBS, C) int64, least significant first; all but the last are in [0, 2^32), so equal sums have
    equal limbs.
    """

    def __init__(self, size: int) -> None:
        self._limbs = np.zeros((LIMBS, size), np.int64)
        self._pending: list[np.ndarray] = []
        self._pending_rows = 0

    @property
    def limbs(self) -> np.ndarray:
        self._settle()
        return self._limbs

    @limbs.setter
    def limbs(self, limbs: np.ndarray) -> None:
        self._settle()
        self._limbs = limbs

    def add(self, values: np.ndarray) -> None:
        """values: (n, C) float32, finite. They wait for others, because many rows at once cost little more
        than one.
        """
        self._pending.append(np.array(values, np.float32))
        self._pending_rows += len(values)
        if self._pending_rows >= ROWS:
            self._settle()

    def _settle(self) -> None:
        """Add what waits."""
        if not self._pending:
            return
        from numpot.kernels.statistics.exact_sum import add_to_exact_sum  # numba: imported where it is used

        waiting = np.concatenate(self._pending)
        self._pending, self._pending_rows = [], 0
        for rows in (waiting[first : first + ROWS] for first in range(0, len(waiting), ROWS)):
            add_to_exact_sum(rows.view(np.uint32), self._limbs)
            self._carry()

    def merge(self, other: "ExactSum") -> None:
        self._settle()
        self._limbs += other.limbs
        self._carry()

    def mean(self, count: int) -> np.ndarray:
        """(C,) float64: the exact sum over `count`, rounded to nearest."""
        below, top = self.limbs[:-1].T.astype("<u4"), self.limbs[-1].tolist()
        totals = [
            int.from_bytes(b.tobytes(), "little") + (t << LIMB_BITS * (LIMBS - 1))
            for b, t in zip(below, top, strict=True)
        ]
        return np.array([total / (count << LOWEST_EXPONENT) for total in totals], np.float64)

    def _carry(self) -> None:
        for low, high in zip(self._limbs[:-1], self._limbs[1:], strict=True):
            high += low >> LIMB_BITS
            low &= (1 << LIMB_BITS) - 1
