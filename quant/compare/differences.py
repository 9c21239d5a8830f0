"""How two arrays differ: counts, the largest difference and the ratio of signal to noise, gathered batch by
batch.
"""

from dataclasses import dataclass, field

import numpy as np

LAST_CODE = 255


@dataclass
class Difference:
    """Between real numbers. elements: how many were compared. mismatches: how many are not the same float,
    NaN being the same as NaN.

    max_abs: the largest |model - reference|. peak: the largest |reference|. signal, noise: sums of squares,
    of the reference and of the difference. Only finite numbers enter the sums; where one side is not finite
    and the other is another number, max_abs is infinite.
    """

    unit = "real"

    elements: int = 0
    mismatches: int = 0
    max_abs: float = 0.0
    peak: float = 0.0
    signal: float = 0.0
    noise: float = 0.0

    def add(self, model: np.ndarray, reference: np.ndarray) -> None:
        """Two arrays of one shape."""
        same = (model == reference) | (np.isnan(model) & np.isnan(reference))
        finite = np.isfinite(model) & np.isfinite(reference)
        r = reference[finite].astype(np.float64)
        error = model[finite].astype(np.float64) - r
        self.elements += model.size
        self.mismatches += int(model.size - same.sum())
        self.max_abs = max(
            self.max_abs, float(np.abs(error).max(initial=0)), np.inf if (~finite & ~same).any() else 0.0
        )
        self.peak = max(self.peak, float(np.abs(r).max(initial=0)))
        self.signal += float(np.square(r).sum())
        self.noise += float(np.square(error).sum())

    @property
    def largest(self) -> str:
        """The largest difference, for people."""
        return f"{self.relative:.2g} of the peak"

    @property
    def relative(self) -> float:
        """The largest difference as a share of the largest reference."""
        return self.max_abs / self.peak if self.peak else (np.inf if self.max_abs else 0.0)

    @property
    def sqnr_db(self) -> float | None:
        """10 log10(signal / noise); None without noise, when it would be infinite."""
        if not self.noise:
            return None
        return float(10 * np.log10(self.signal / self.noise)) if self.signal else -np.inf


@dataclass
class CodeDifference(Difference):
    """Between codes 0 .. 255 of one range. max_abs and mismatches are of codes; signal and noise of the real
    numbers they stand for.

    by_codes: (256,) how many elements differ by 0, 1, ... codes.
    """

    unit = "codes"

    step: np.ndarray = field(default_factory=lambda: np.ones((), np.float32))
    low: np.ndarray = field(default_factory=lambda: np.zeros((), np.float32))
    by_codes: np.ndarray = field(default_factory=lambda: np.zeros(LAST_CODE + 1, np.int64), repr=False)

    def add(self, model: np.ndarray, reference: np.ndarray) -> None:
        """Two integer arrays of one shape."""
        distance = np.abs(model.astype(np.int64) - reference.astype(np.int64))
        step, low = self.step.astype(np.float64), self.low.astype(np.float64)
        real = reference * step + low
        self.elements += model.size
        self.mismatches += int((distance > 0).sum())
        self.max_abs = max(self.max_abs, float(distance.max(initial=0)))
        self.peak = max(self.peak, float(np.abs(real).max(initial=0)))
        self.signal += float(np.square(real).sum())
        self.noise += float(np.square(distance * step).sum())
        self.by_codes += np.bincount(np.minimum(distance, LAST_CODE).ravel(), minlength=LAST_CODE + 1)

    @property
    def largest(self) -> str:
        return f"{self.max_abs:.0f} code" + ("s" if self.max_abs > 1 else "")

    @property
    def relative(self) -> float:
        """The largest difference as a share of the 255 codes."""
        return self.max_abs / LAST_CODE
