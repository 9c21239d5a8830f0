"""Which group to give back to float first: the one without which the model does best on the samples that rounding hurts most."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .accuracy_goal import Goal
from .groups import Group
from .measurements import Measurements, Point
from .progress import track


@dataclass(frozen=True)
class Ranking:
    """size: at most so many samples. multiple: the number must be a multiple of this. cheap_first: weigh gains by what they cost."""

    measurements: Measurements
    goal: Goal
    float_per_sample: Mapping[str, np.ndarray]
    size: int
    multiple: int
    cheap_first: bool
    by_labels: bool
    progress: bool

    def __call__(self, point: Point, candidates: Sequence[Group], metric: str) -> list[Group]:
        """Best first. Scores: of the model at `point` without each candidate's quantizers too (POT 2023.3)."""
        indices = self.hardest(point, metric)
        scores: dict[Group, float] = {}
        with track(len(candidates), f"ranking on {len(indices)} samples", quiet=not self.progress) as advance:
            variants = [point.reverted | group.quantizers for group in candidates]
            for group, score in zip(candidates, self.measurements.scores(variants, indices, metric), strict=True):
                scores[group] = score
                advance(1)
        by_score = sorted(candidates, key=lambda g: (scores[g], g.name), reverse=True)
        return _by_price(by_score, scores) if self.cheap_first else by_score

    def hardest(self, point: Point, metric: str) -> list[int]:
        """Numbers of the samples that lost most, most first; the first samples if the ranking does not look at the metric."""
        size = max(self.size // self.multiple, 1) * self.multiple
        if not self.by_labels:
            return list(range(min(size, len(point.per_sample[metric]))))
        lost = self.goal.sign(metric) * (self.float_per_sample[metric] - point.per_sample[metric])
        return np.argsort(-np.nan_to_num(lost), kind="stable")[:size].tolist()


def _by_price(groups: Sequence[Group], scores: Mapping[Group, float]) -> list[Group]:
    """By gain per price (eq. A2, docs/accuracy-aware.md): a group's price is its share of the multiply-adds, and a constant for each group,
    so that something small is not free. The gain is counted from the least of the scores; infinite ones stay in front."""
    total = sum(g.multiply_adds for g in groups) or 1
    finite = [s for s in scores.values() if np.isfinite(s)]
    least = min(finite, default=0.0)

    def worth(group: Group) -> float:
        return (scores[group] - least) / (group.multiply_adds / total + 1 / len(groups))

    return sorted(groups, key=worth, reverse=True)
