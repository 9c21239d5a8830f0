"""How far a model may fall behind the float one, and where one stands (docs/accuracy-aware.md).

    d = s (b - v),   excess e = (d - limit) / |b|                (A1)

b is a metric's value for the float model, v for the int8 model, s is 1 if high is good and -1 if low is, and
limit is the drop allowed. The goal is reached when e <= 0 for every metric.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from ..settings.accuracy_aware_options import DropType


@dataclass(frozen=True)
class Goal:
    """baseline: value of each metric of the float model. limits: the drop allowed of each. Drops are positive
    for what is worse.

    tolerance: share of the baseline by which a drop may pass its limit, so that 0.97 - 0.968, rounded, is
    within 0.002.
    """

    baseline: Mapping[str, float]
    higher_better: Mapping[str, bool]
    limits: Mapping[str, float]
    tolerance: float = 0.0

    def drops(self, values: Mapping[str, float]) -> dict[str, float]:
        return {name: self.sign(name) * (self.baseline[name] - values[name]) for name in self.baseline}

    def sign(self, metric: str) -> int:
        """1 for a metric that shall be high, -1 for one that shall be low."""
        return 1 if self.higher_better[metric] else -1

    def is_reached(self, drops: Mapping[str, float]) -> bool:
        return all(self.excess(drops, name) <= self.tolerance for name in self.limits)

    def excess(self, drops: Mapping[str, float], metric: str) -> float:
        """Return by how much, relative to the baseline, a drop exceeds its limit; negative within the limit
        (eq. A1, docs/accuracy-aware.md).
        """
        return (drops[metric] - self.limits[metric]) / (abs(self.baseline[metric]) or 1.0)

    def worst(self, drops: Mapping[str, float]) -> str:
        """The metric with the largest excess; the first of equal ones."""
        return max(self.limits, key=lambda metric: self.excess(drops, metric))

    def largest_excess(self, drops: Mapping[str, float]) -> float:
        return self.excess(drops, self.worst(drops))


def goal(
    baseline: Mapping[str, float],
    higher_better: Mapping[str, bool],
    max_drop: float,
    drop_type: DropType,
    tolerance: float,
) -> Goal:
    """drop_type: `absolute`, in the metric's own units, or `relative`, a share of the baseline. Source: POT
    2023.3.
    """
    limits = {
        name: max_drop * abs(value) if drop_type == "relative" else max_drop
        for name, value in baseline.items()
    }
    return Goal(baseline, higher_better, limits, tolerance)
