"""Count outputs that are NaN or infinite: how many samples of a run have them, and how many numbers."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


class NotFiniteWarning(UserWarning):
    """A model's outputs hold NaN or infinity, which no metric counts as right."""


@dataclass
class NotFinite:
    """samples, numbers: of the outputs that were looked at. Of these samples and numbers: those that are (or
    hold a) NaN, and infinity.
    """

    samples: int = 0
    numbers: int = 0
    nan_samples: int = 0
    nan_numbers: int = 0
    infinite_samples: int = 0
    infinite_numbers: int = 0

    def look(self, outputs: Mapping[str, np.ndarray]) -> None:
        """Count a batch, arrays [n, ...] by the names of the outputs."""
        count = max((len(array) for array in outputs.values() if array.ndim), default=0)
        with_nan, with_infinity = np.zeros(count, bool), np.zeros(count, bool)
        for array in outputs.values():
            self.numbers += array.size
            if array.dtype.kind != "f" or np.isfinite(array).all():
                continue
            nan, infinite = np.isnan(array), np.isinf(array)
            self.nan_numbers += int(nan.sum())
            self.infinite_numbers += int(infinite.sum())
            if array.ndim and len(array) == count:
                with_nan |= nan.reshape(count, -1).any(axis=1)
                with_infinity |= infinite.reshape(count, -1).any(axis=1)
            else:  # an output without a row for each sample belongs to all of them
                with_nan |= nan.any()
                with_infinity |= infinite.any()
        self.samples += count
        self.nan_samples += int(with_nan.sum())
        self.infinite_samples += int(with_infinity.sum())

    def add(self, other: "NotFinite") -> None:
        """Take in what another one counted, of other samples."""
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)

    def __bool__(self) -> bool:
        """Whether there is anything to say."""
        return bool(self.nan_numbers or self.infinite_numbers)

    def sentence(self, whose: str) -> str:
        """What was found, for people. whose: `the model`, say."""
        found = [
            f"{what} for {samples:,} of {self.samples:,} samples ({numbers:,} of {self.numbers:,} numbers)"
            for what, samples, numbers in (
                ("NaN", self.nan_samples, self.nan_numbers),
                ("infinite", self.infinite_samples, self.infinite_numbers),
            )
            if numbers
        ]
        return f"outputs of {whose} are {' and '.join(found)}"
