"""The search exactly as POT 2023.3 does it, with what may surprise: see docs/differences.md.

A worsening at the start, or right after a step back, is kept. After a step back the worse value is what the
next one is compared with. The result is the last model, not the best one.
"""

import sys
from collections.abc import Sequence

from .goal import Goal
from .layer_groups import Group
from .measurements import Point
from .search import Found, Measure, Rank, Step


def search_as_pot(
    start: Point,
    groups: Sequence[Group],
    goal: Goal,
    measure: Measure,
    rank: Rank,
    max_iter_num: int = sys.maxsize,
    *,
    use_prev_if_drop_increase: bool = True,
) -> Found:
    """start: the fully quantized model."""
    steps: list[Step] = []
    point = start
    if goal.is_reached(start.drops):
        return Found(start, steps, "the drop is within its limit")
    metric = goal.worst(start.drops)
    reference = start.drops[metric]
    ranked = rank(point, groups, metric)
    step_back = True
    for _ in range(max_iter_num):
        if not ranked:
            return Found(point, steps, "no group is left to revert")
        group = ranked.pop(0)
        previous, point = point, measure([*point.groups, group])
        new, limit = point.drops[metric], goal.limits[metric]
        steps.append(
            Step(
                "revert",
                group,
                point,
                True,
                "the drop is smaller" if new <= reference else "a first worsening is kept",
            )
        )
        if len(point.groups) == len(groups):
            return Found(point, steps, "every group is in float")
        if goal.is_reached(point.drops):
            return Found(point, steps, "the drop is within its limit")
        if limit < new <= reference or (new > reference and step_back):
            step_back, reference = False, new
            continue
        if new > reference and use_prev_if_drop_increase:
            steps[-1] = Step("revert", group, point, False, "the drop is larger")
            point, step_back = previous, True
        reference = new  # after a step back too: the worse value
        if new <= limit:  # this metric is fine, another is not
            metric = goal.worst(point.drops)
            reference, step_back = start.drops[metric], False
        ranked = rank(point, [g for g in groups if g not in point.groups], metric)
    return Found(point, steps, f"the {max_iter_num} iterations allowed are used up")
