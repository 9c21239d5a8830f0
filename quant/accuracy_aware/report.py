"""What an accuracy-aware run did, as plain data for report.json and for a table."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from numpot.ir.errors import counted
from numpot.ir.graph import Graph

from .goal import Goal
from .measurements import Measurements, Point
from .search import Found


@dataclass(frozen=True)
class Visited:
    """A model that was measured. what: baseline, int8 or what it was made with instead, revert or restore.
    layers: of the group that moved.

    float_share: of the cost of all groups, what is in float. pareto: no other int8 model is at least as
    accurate with less in float, or more accurate with as little."""

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
    """reached: whether every drop is within its limit. visited: every point, in order. float_layers: name ->
    why it is in float. full, partial: evaluations on all samples and on some, to reach the target; restored:
    those on all samples after that, to give layers back to int8; replayed: how many of all the journal knew.
    bytes: of the constants of the float, the int8 and the resulting model; milliseconds: of a batch of at
    most 32 samples in each."""

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
    restored: int
    replayed: int
    seconds: float
    bytes: Mapping[str, int]
    milliseconds: Mapping[str, float]

    def record(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            **asdict(self),
            "visited": [{**asdict(point), "layers": list(point.layers)} for point in self.visited],
        }

    @property
    def sentence(self) -> str:
        """The outcome in one line."""
        drops = ", ".join(
            f"{name} {self.values[name]:.4f} (drop {drop:.4f}, limit {self.limits[name]:.4f})"
            for name, drop in self.drops.items()
        )
        layers = counted(len(self.float_layers), "layer")
        verdict = "reached" if self.reached else "NOT reached, this is the best model seen"
        return f"target {verdict}: {drops}; {layers} back in float; {self.ended}"


def make_report(
    found: Found,
    starts: Mapping[str, Point],
    target: Goal,
    measurements: Measurements,
    models: Mapping[str, Graph],
    milliseconds: Mapping[str, float],
    samples: int,
    seconds: float,
) -> Report:
    """starts: the fully quantized models by the parameters they were made with, the one that the search began
    with among them. models: the float, the int8 and the resulting one."""
    points = [*starts.values(), *(step.point for step in found.steps)]
    excess = {id(p): target.largest_excess(p.drops) for p in points}
    restored = sum(step.action == "restore" for step in found.steps)
    return Report(
        reached=target.is_reached(found.point.drops),
        ended=found.why,
        baseline=target.baseline,
        limits=target.limits,
        values=found.point.values,
        drops=found.point.drops,
        visited=_visited(target, starts, found, points, excess),
        float_layers=float_layers(found),
        samples=samples,
        full=measurements.full - restored,
        partial=measurements.partial,
        restored=restored,
        replayed=measurements.replayed,
        seconds=round(seconds, 3),
        bytes={name: constant_bytes(model) for name, model in models.items()},
        milliseconds=milliseconds,
    )


def _visited(
    target: Goal,
    starts: Mapping[str, Point],
    found: Found,
    points: Sequence[Point],
    excess: Mapping[int, float],
) -> list[Visited]:
    """excess: of each point by its id(), to compare accuracy with."""
    zero = dict.fromkeys(target.baseline, 0.0)
    rows = [Visited("baseline", "", (), target.baseline, zero, 1.0, True, "the float model", False)]
    for what, p in starts.items():
        kept = p.made == found.point.made
        rows.append(
            Visited(
                what, "", (), p.values, p.drops, 0.0, kept, "fully quantized", _is_pareto(p, points, excess)
            )
        )
    for s in found.steps:
        p, g = s.point, s.group
        rows.append(
            Visited(
                s.action,
                g.title,
                g.layers,
                p.values,
                p.drops,
                p.float_share,
                s.kept,
                s.why,
                _is_pareto(p, points, excess),
            )
        )
    return rows


def constant_bytes(model: Graph) -> int:
    """What a model's constants take."""
    return sum(
        node.output.constant.nbytes for node in model.of_type("Constant") if node.output.constant is not None
    )


def float_layers(found: Found) -> dict[str, str]:
    """The layers that were given back to float, and why."""
    reasons = {
        step.group: (number, step) for number, step in enumerate(found.steps, 1) if step.action == "revert"
    }
    layers = {}
    for group in found.point.groups:
        number, step = reasons[group]
        for layer in group.layers if group.precision == "float" else ():
            layers[layer] = f"step {number}, group {group.title}: {step.why}"
    return layers


def _is_pareto(point: Point, points: Sequence[Point], excess: Mapping[int, float]) -> bool:
    mine = (excess[id(point)], point.float_share)
    others = [(excess[id(p)], p.float_share) for p in points]
    return not any(o[0] <= mine[0] and o[1] <= mine[1] and o != mine for o in others)
