"""The searches on models that are made up: a drop for each set of groups in float, so that every branch is
taken and nothing is run.
"""

import numpy as np
import pytest

from numpot.quant.accuracy_aware.goal import goal
from numpot.quant.accuracy_aware.layer_groups import Group
from numpot.quant.accuracy_aware.measurements import Point
from numpot.quant.accuracy_aware.ranking import by_price
from numpot.quant.accuracy_aware.search import search
from numpot.quant.accuracy_aware.search_pot import search_as_pot


def group(name, cost=1.0):
    return Group(name, frozenset([name]), (name,), cost)


A, B, C = (group(name) for name in "ABC")


class World:
    """drops: by the names in float, "AB" -> drop, or a tuple of drops of two metrics. Ranks by the order of
    names, and keeps a log.
    """

    def __init__(self, limit, **drops):
        self.drops = {name.replace("none", ""): np.atleast_1d(drop) for name, drop in drops.items()}
        self.metrics = [f"m{i}" for i in range(len(self.drops[""]))]
        self.goal = goal(
            dict.fromkeys(self.metrics, 1.0), dict.fromkeys(self.metrics, True), limit, "absolute", 1e-9
        )
        self.measured, self.ranked = [], []

    def measure(self, groups):
        name = "".join(sorted(g.name for g in groups))
        self.measured.append(name)
        values = {m: 1 - float(drop) for m, drop in zip(self.metrics, self.drops[name], strict=True)}
        return Point("", tuple(groups), values, self.goal.drops(values), sum(g.cost for g in groups), {})

    def rank(self, point, candidates, metric):
        self.ranked.append(("".join(g.name for g in candidates), metric))
        return sorted(candidates, key=lambda g: g.name)

    def run(self, how=search, groups=(A, B, C), **options):
        found = how(self.measure([]), groups, self.goal, self.measure, self.rank, **options)
        return (
            "".join(sorted(g.name for g in found.point.groups)),
            [(s.action, s.group.name, s.kept, s.why) for s in found.steps],
            found.why,
        )


IN = "the drop is within its limit"
LEFT = "nothing else is left"


def test_best_keeps_what_helps_until_the_limit():
    world = World(0.1, none=0.5, A=0.3, AB=0.1)
    assert world.run() == (
        "AB",
        [("revert", "A", True, "the drop is smaller"), ("revert", "B", True, "the drop is smaller")],
        IN,
    )
    assert world.ranked == [("ABC", "m0")]


def test_best_puts_back_what_does_not_help_and_goes_on_with_the_same_ranking():
    world = World(0.1, none=0.5, A=0.6, B=0.05)
    assert world.run() == (
        "B",
        [("revert", "A", False, "the drop is larger"), ("revert", "B", True, "the drop is smaller")],
        IN,
    )
    assert len(world.ranked) == 1


def test_best_forces_what_was_refused_when_nothing_else_is_left():
    world = World(0.1, none=0.5, A=0.6, B=0.6, C=0.6, AB=0.7, ABC=0.0, BC=0.0, AC=0.6)
    kept, steps, why = world.run()
    assert [s[1:] for s in steps[3:6]] == [
        ("A", True, LEFT),
        ("B", True, LEFT),
        ("C", True, "the drop is smaller"),
    ]
    assert (kept, why) == ("BC", IN)  # A is what the others do not need
    assert steps[6:] == [
        ("restore", "A", True, "within the limit without it"),
        ("restore", "B", False, "needed"),
    ]


def test_best_says_when_everything_is_in_float():
    world = World(0.1, none=0.5, A=0.4, AB=0.2, ABC=0.3, AC=0.35)
    kept, steps, why = world.run()
    assert kept == "AB" and why == "every group is in float"  # the best point seen, not the last
    assert [s[2] for s in steps] == [True, True, False, True]


def test_best_stops_after_its_iterations_with_the_best_point():
    world = World(0.0, none=0.5, A=0.3, AB=0.4)
    kept, steps, why = world.run(max_iter_num=2)
    assert kept == "A" and len(steps) == 2 and why == "the 2 iterations allowed are used up"


def test_best_restores_the_dearest_group_first_and_only_what_fits():
    a, b, c = group("A", 5.0), group("B", 1.0), group("C", 9.0)
    world = World(0.1, none=0.5, A=0.45, AB=0.40, ABC=0.02, BC=0.07, AC=0.2, C=0.2)
    kept, steps, _ = world.run(groups=(a, b, c))
    # C gained 0.38, more than there is to spare; A gained 0.05, which leaves 0.03, less than B gained
    assert kept == "BC" and [s[:3] for s in steps[3:]] == [("restore", "A", True)]


def test_best_ranks_anew_when_another_metric_is_the_worst():
    world = World(0.1, none=(0.9, 0.2), A=(0.0, 0.2), AB=(0.0, 0.0))
    assert world.run()[0] == "AB"
    assert world.ranked == [("ABC", "m0"), ("BC", "m1")]


def test_pot_keeps_a_first_worsening_and_returns_the_last_model():
    world = World(0.0, none=0.5, A=0.6, AB=0.55, ABC=0.58)
    kept, steps, why = world.run(search_as_pot)
    assert kept == "ABC" and [s[2] for s in steps] == [True, True, True] and why == "every group is in float"


def test_pot_steps_back_at_a_second_worsening_and_may_take_the_group_again():
    world = World(0.0, none=0.5, A=0.4, AB=0.45, AC=0.3, ABC=0.0)
    kept, steps, _ = world.run(search_as_pot)
    # A is better, B worse: back. The group is ranked again, against the worse value: 0.45 is no worsening now
    assert [s[:3] for s in steps] == [
        ("revert", "A", True),
        ("revert", "B", False),
        ("revert", "B", True),
        ("revert", "C", True),
    ]
    assert world.ranked == [("ABC", "m0"), ("BC", "m0")] and kept == "ABC"


def test_pot_without_stepping_back():
    world = World(0.0, none=0.5, A=0.4, AB=0.45, ABC=0.0)
    _, steps, _ = world.run(search_as_pot, use_prev_if_drop_increase=False)
    assert [s[1:3] for s in steps] == [("A", True), ("B", True), ("C", True)]


def test_pot_stops_after_its_iterations():
    world = World(0.0, none=0.5, A=0.4)
    kept, _, why = world.run(search_as_pot, max_iter_num=1)
    assert kept == "A" and why == "the 1 iterations allowed are used up"


@pytest.mark.parametrize(
    ("scores", "costs", "order"),
    [
        # nearly as good, cheaper
        (
            {"A": 0.9, "B": 0.8, "C": 0.1, "D": 0.1, "E": 0.0},
            {"A": 9, "B": 1, "C": 1, "D": 1, "E": 1},
            "BACDE",
        ),
        # what gains no more than most do comes last, by score
        ({"A": 0.9, "B": 0.3, "C": 0.1}, {"A": 9, "B": 1, "C": 1}, "ABC"),
        ({"A": np.inf, "B": 0.3, "C": 0.1}, {"A": 9, "B": 1, "C": 1}, "ABC"),
        ({"A": 0.5, "B": 0.5, "C": 0.5}, {"A": 0, "B": 0, "C": 0}, "ABC"),
    ],
)
def test_gain_per_price(scores, costs, order):
    groups = sorted((group(name, costs[name]) for name in scores), key=lambda g: -scores[g.name])
    assert "".join(g.name for g in by_price(groups, {g: scores[g.name] for g in groups})) == order
