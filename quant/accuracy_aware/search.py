"""The search for the fastest model within the allowed drop (docs/accuracy-aware.md).

Groups go back to float, best-ranked first, until the drop is within its limit; a group that does not help is
put back. They are ranked once for each metric that is the worst: ranking anew after each step back, as POT
does, was measured to cost more than it saves. Then those groups are tried in int8 again for which

    e + gain_g <= 0                                              (A3)

where e is the excess of the drop (goal.py), and gain_g by how much group g lessened it. The result is the
best point seen.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from .goal import Goal
from .layer_groups import Group
from .measurements import Point

Measure = Callable[[Sequence[Group]], Point]
Rank = Callable[[Point, Sequence[Group], str], list[Group]]


@dataclass(frozen=True)
class Step:
    """What was tried, and what came of it. action: revert to float, or restore to int8."""

    action: Literal["revert", "restore"]
    group: Group
    point: Point
    kept: bool
    why: str


@dataclass(frozen=True)
class Found:
    """point: the model to return. steps: in their order. why: the search ended."""

    point: Point
    steps: list[Step]
    why: str


def search(
    start: Point,
    groups: Sequence[Group],
    goal: Goal,
    measure: Measure,
    rank: Rank,
    max_iter_num: int = sys.maxsize,
) -> Found:
    """start: the fully quantized model. max_iter_num: of reverted groups."""
    steps: list[Step] = []
    point = start
    ranked: list[Group] = []
    ranked_for = ""
    refused: list[Group] = []
    # what changes nothing now may still help others, if it is cheap
    fair = sum(g.cost for g in groups) / max(len(groups), 1)
    gains: dict[Group, float] = {}  # by how much the excess fell when a group was reverted
    while not goal.is_reached(point.drops):
        if len(steps) >= max_iter_num:
            return _best(start, steps, goal, f"the {max_iter_num} iterations allowed are used up")
        worst = goal.worst(point.drops)
        left = [g for g in groups if g not in point.groups and g not in refused]
        if left and worst != ranked_for:
            ranked, ranked_for = rank(point, left, worst), worst
        if not ranked and not refused:
            return _best(start, steps, goal, "every group is in float")
        forced = not ranked  # none that helps alone is left; together they may
        group = refused.pop(0) if forced else ranked.pop(0)
        trial = measure([*point.groups, group])
        gain = goal.largest_excess(point.drops) - goal.largest_excess(trial.drops)
        kept = gain > goal.tolerance or (gain > -goal.tolerance and group.cost <= fair) or forced
        steps.append(Step("revert", group, trial, kept, _why(gain, goal.tolerance, forced)))
        if kept:
            point = trial
            gains[group] = gain
        else:
            refused.append(group)
    return _restore(point, gains, steps, goal, measure)


def _restore(
    point: Point, gains: dict[Group, float], steps: list[Step], goal: Goal, measure: Measure
) -> Found:
    """Back to int8 with what is not needed, what costs most first: a group whose gain is less than what is to
    spare (A3).
    """
    for group in sorted(point.groups, key=lambda g: g.cost, reverse=True):
        if goal.largest_excess(point.drops) + max(gains[group], 0) > goal.tolerance or len(point.groups) == 1:
            continue
        trial = measure([g for g in point.groups if g is not group])
        kept = goal.is_reached(trial.drops)
        steps.append(Step("restore", group, trial, kept, "within the limit without it" if kept else "needed"))
        if kept:
            point = trial
    return Found(point, steps, "the drop is within its limit")


def _why(gain: float, tolerance: float, forced: bool) -> str:
    if abs(gain) <= tolerance:
        return "the drop is the same"
    if gain > 0:
        return "the drop is smaller"
    return "nothing else is left" if forced else "the drop is larger"


def _best(start: Point, steps: Sequence[Step], goal: Goal, why: str) -> Found:
    """The best point seen; of equal ones the one with the least in float."""
    points = [start, *(step.point for step in steps)]
    return Found(min(points, key=lambda p: (goal.largest_excess(p.drops), p.float_share)), list(steps), why)
