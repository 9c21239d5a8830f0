"""Which statistics decide the range of an activation (docs/calibration.md, "What is measured")."""

from typing import Literal

from .defaults import LEVELS, Preset
from .insertion import Quantizer
from .ranges import Bounds, asymmetric_range, symmetric_range
from .statistics import Statistic


class RangeEstimator:
    """The statistics of one activation quantizer, and the bounds they give."""

    def __init__(self, quantizer: Quantizer, preset: Preset) -> None:
        self.tensor = quantizer.tensor
        self.symmetric = preset == "performance"
        self.axis = 1 if quantizer.per_channel else None
        extreme: Literal["mean", "max"] = "mean" if self.axis is None else "max"
        if self.symmetric:
            self.low = Statistic("min", "min")
            self.high = Statistic("abs_max", extreme, self.axis)
        else:
            self.low = Statistic("min", "mean" if self.axis is None else "min", self.axis)
            self.high = Statistic("max", extreme, self.axis)

    def bounds(self) -> Bounds:
        if self.symmetric:
            return symmetric_range(self.low.value, self.high.value, LEVELS)
        return asymmetric_range(self.low.value, self.high.value)
