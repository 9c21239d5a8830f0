"""Which group to give back to float first: the one without which the model does best on the samples that
rounding hurts most, or, by price, the one that gains most for what it costs (docs/accuracy-aware.md).

    worth_g = (f_g - median f) / (c_g / sum c + 3 / G)           (A2)

f_g is the score of the model without group g, c_g what the group costs in float, and G the number of groups.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from ..parallel.progress import track
from .goal import Goal
from .layer_groups import Group
from .measurements import Measurements, Point

# what a group costs beside its cost, in mean costs; measured: less, and many small ones are tried in vain
GROUP_PRICE: Final = 3.0


@dataclass(frozen=True)
class Ranking:
    """pool: numbers of the samples to choose from, which float_per_sample is of. size: at most so many
    samples.

    multiple: the number must be a multiple of this. cheap_first: weigh gains by what they cost."""

    measurements: Measurements
    goal: Goal
    float_per_sample: Mapping[str, np.ndarray]
    pool: Sequence[int]
    size: int
    multiple: int
    cheap_first: bool
    progress: bool

    def __call__(self, point: Point, candidates: Sequence[Group], metric: str) -> list[Group]:
        """Best first. Scores: of the model at `point` without each candidate's quantizers too
        (POT 2023.3).
        """
        indices = self.hardest(point, metric)
        scores: dict[Group, float] = {}
        with track(len(candidates), f"ranking on {len(indices)} samples", quiet=not self.progress) as advance:
            variants = [[*point.groups, group] for group in candidates]
            for group, score in zip(
                candidates, self.measurements.scores(variants, indices, metric), strict=True
            ):
                scores[group] = score
                advance(1)
        by_score = sorted(candidates, key=lambda g: (scores[g], g.name), reverse=True)
        return by_price(by_score, scores) if self.cheap_first else by_score

    def hardest(self, point: Point, metric: str) -> list[int]:
        """Numbers of the samples that lost most, most first."""
        size = max(self.size // self.multiple, 1) * self.multiple
        pool = np.asarray(self.pool)
        lost = self.goal.sign(metric) * (self.float_per_sample[metric] - point.per_sample[metric][pool])
        return pool[np.argsort(-np.nan_to_num(lost), kind="stable")[:size]].tolist()


def by_price(groups: Sequence[Group], scores: Mapping[Group, float]) -> list[Group]:
    """Order groups by gain per price (eq. A2, docs/accuracy-aware.md). The price of a group is its share of
    the cost plus a constant, so that small groups are not free. The gain is counted from the median score,
    because most groups alone change nothing; groups that gain nothing come last.

    groups: by score, best first.
    """
    total = sum(g.cost for g in groups) or 1
    usual = float(np.median(list(scores.values())))

    def worth(group: Group) -> tuple[bool, float]:
        gain = scores[group] - usual if np.isfinite(scores[group]) else scores[group]
        return gain > 0, gain / (group.cost / total + GROUP_PRICE / len(groups)) if gain > 0 else gain

    return sorted(groups, key=worth, reverse=True)
