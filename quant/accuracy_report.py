"""What an accuracy-aware run did, as plain data for report.json and for a table."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from .measurements import Point
from .search import Found


@dataclass(frozen=True)
class Visited:
    """A model that was measured. what: baseline, int8, revert or restore. layers: of the group that moved. float_share: of all multiply-
    adds, what runs in float. pareto: no other int8 model is at least as accurate with less in float, or more accurate with as little."""

    what: str
    group: str
    layers: Sequence[str]
    values: Mapping[str, float]
    drops: Mapping[str, float]
    float_share: float
    kept: bool
    why: str
    pareto: bool


@dataclass(frozen=True)
class Report:
    """reached: whether every drop is within its limit. visited: every point, in order. float_layers: name -> why it is in float.
    full, partial: evaluations on all samples and on those of the ranking; replayed: how many of both the journal knew."""

    reached: bool
    ended: str
    baseline: Mapping[str, float]
    limits: Mapping[str, float]
    values: Mapping[str, float]
    drops: Mapping[str, float]
    visited: Sequence[Visited]
    float_layers: Mapping[str, str]
    samples: int
    full: int
    partial: int
    replayed: int
    seconds: float

    def record(self) -> dict[str, Any]:
        """As JSON has it."""
        return {**asdict(self), "visited": [{**asdict(point), "layers": list(point.layers)} for point in self.visited]}

    @property
    def sentence(self) -> str:
        """The outcome in one line."""
        drops = ", ".join(
            f"{name} {self.values[name]:.4f} (drop {drop:.4f}, limit {self.limits[name]:.4f})" for name, drop in self.drops.items()
        )
        verdict = "reached" if self.reached else "NOT reached, this is the best model seen"
        return f"target {verdict}: {drops}; {len(self.float_layers)} layers back in float; {self.ended}"


def visited(baseline: Mapping[str, float], start: Point, found: Found, excess: Mapping[int, float]) -> list[Visited]:
    """excess: of each point by its id(), to compare accuracy with."""
    zero = dict.fromkeys(baseline, 0.0)
    points = [start, *(step.point for step in found.steps)]
    rows = [
        Visited("baseline", "", (), baseline, zero, 1.0, True, "the float model", False),
        Visited("int8", "", (), start.values, start.drops, 0.0, True, "fully quantized", _is_pareto(start, points, excess)),
    ]
    for s in found.steps:
        p, g = s.point, s.group
        rows.append(Visited(s.action, g.name, g.layers, p.values, p.drops, p.float_share, s.kept, s.why, _is_pareto(p, points, excess)))
    return rows


def float_layers(found: Found) -> dict[str, str]:
    """The layers that were given back to float, and why."""
    reasons = {step.group: (number, step) for number, step in enumerate(found.steps, 1) if step.action == "revert"}
    layers = {}
    for group in found.point.groups:
        number, step = reasons[group]
        for layer in group.layers:
            layers[layer] = f"step {number}, group {group.name}: {step.why}"
    return layers


def _is_pareto(point: Point, points: Sequence[Point], excess: Mapping[int, float]) -> bool:
    mine = (excess[id(point)], point.float_share)
    others = [(excess[id(p)], p.float_share) for p in points]
    return not any(o[0] <= mine[0] and o[1] <= mine[1] and o != mine for o in others)
