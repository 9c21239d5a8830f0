"""Measure the models of the accuracy-aware search: each one once, kept in the journal, and counted."""

import hashlib
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from numpot.ir.graph import Graph

from ..assembly import Assembly, Variant
from ..errors import QuantizationError
from .evaluators.evaluator import Evaluator, Scores
from .evaluators.journal import Journal
from .goal import Goal
from .layer_groups import Group, variant


class AccuracyError(QuantizationError):
    """A metric that gives no number, or other numbers than before. What was measured until then stays in the
    journal.
    """


@dataclass(frozen=True)
class Point:
    """A model measured on all samples. made: how it was calibrated, "" for the parameters given. groups: what
    is not in int8.

    drops: of each metric. float_share: of the cost of all groups, what is in float, in [0, 1]."""

    made: str
    groups: tuple[Group, ...]
    values: Mapping[str, float]
    drops: Mapping[str, float]
    float_share: float
    per_sample: Mapping[str, np.ndarray] = field(repr=False)


class Measurements:
    """full, partial: how many evaluations on all samples and on some the search has asked for; those that the
    journal knew count, too. seconds: what the evaluations of this run took."""

    def __init__(self, evaluator: Evaluator, ranker: Evaluator, journal: Journal) -> None:
        self._evaluator, self._ranker, self.journal = evaluator, ranker, journal
        self.float_scores: Scores | None = None
        self._assemblies: dict[str, Assembly] = {}
        self._made = ""
        self.full = self.partial = self.replayed = 0
        self.seconds = 0.0

    def calibrated(self, assembly: Assembly, made: str = "") -> None:
        """What the models to come are made of. made: how, as text that tells it from others in
        the journal.
        """
        self._assemblies[made] = assembly
        self._made = made

    def use(self, made: str) -> None:
        """Go on with what was calibrated before."""
        self._made = made

    def assembly(self, point: Point) -> Assembly:
        """What a point was made of."""
        return self._assemblies[point.made]

    def build(self, point: Point) -> Graph:
        """The model that was measured."""
        return self._assemblies[point.made].build(variant(point.groups))

    def of_float(self, graph: Graph, indices: Sequence[int] | None = None) -> Scores:
        """The model that was given, on all samples or on some."""
        self.full += indices is None
        self.partial += indices is not None
        key = _key(self._evaluator, "float", indices)
        self.float_scores = scores = self._known_or(
            key, self._evaluator, True, lambda: self._evaluator.measure(graph, indices)
        )
        return scores

    def point(self, groups: Sequence[Group], goal: Goal, total: float) -> Point:
        """The int8 model with these groups in float, on all samples. total: the cost of all groups."""
        self.full += 1
        (scores,) = self._measure(self._evaluator, [variant(groups)], None)
        share = sum(g.cost for g in groups) / total if total else 0.0
        return Point(
            self._made, tuple(groups), scores.values, goal.drops(scores.values), share, scores.per_sample
        )

    def scores(
        self, candidates: Sequence[Sequence[Group]], indices: Sequence[int], metric: str | None
    ) -> Iterator[float]:
        """Larger is better: what the ranking measures on some samples of models with these groups. metric:
        which of several.
        """
        self.partial += len(candidates)
        for scores in self._measure(self._ranker, [variant(groups) for groups in candidates], indices):
            name = metric if metric in scores.values else next(iter(scores.values))
            yield scores.values[name] if self._ranker.higher_better[name] else -scores.values[name]

    def values(self, indices: Sequence[int]) -> dict[str, float]:
        """Return the metrics of the fully quantized model on some samples."""
        self.partial += 1
        (scores,) = self._measure(self._evaluator, [Variant()], indices)
        return scores.values

    def _measure(
        self, evaluator: Evaluator, variants: Sequence[Variant], indices: Sequence[int] | None
    ) -> Iterator[Scores]:
        """Those that the journal does not know are handed to the evaluator together, so that workers can
        share them.
        """
        keys = [_key(evaluator, f"{self._made}{wanted.name}", indices) for wanted in variants]
        unknown = {
            key: wanted for key, wanted in zip(keys, variants, strict=True) if self.journal[key] is None
        }
        measured = evaluator.measure_variants(self._assemblies[self._made], list(unknown.values()), indices)
        for key in keys:
            yield self._known_or(key, evaluator, indices is None, lambda: next(measured))

    def _known_or(self, key: str, evaluator: Evaluator, each: bool, measure: Callable[[], Scores]) -> Scores:
        """each: whether the values of each sample are kept, too."""
        known = self.journal[key]
        if known is not None:
            self.replayed += 1
            return known
        start = time.perf_counter()
        scores = measure()
        self.seconds += time.perf_counter() - start
        check_scores(scores, evaluator)
        self.journal.add(key, scores if each else Scores(scores.values, {}))
        return scores


def _key(evaluator: Evaluator, name: str, indices: Sequence[int] | None) -> str:
    where = "all" if indices is None else ",".join(map(str, indices))
    return hashlib.sha256(f"{evaluator.identity}|{where}|{name}".encode()).hexdigest()


def check_scores(scores: Scores, evaluator: Evaluator) -> None:
    """Raises AccuracyError for values under other names than the evaluator has, and for NaN."""
    if scores.values.keys() != evaluator.higher_better.keys():
        raise AccuracyError(
            f"metrics changed: expected values of {sorted(evaluator.higher_better)}, found "
            f"{sorted(scores.values)}"
        )
    for name, value in scores.values.items():
        if math.isnan(value):
            raise AccuracyError(
                f"metric {name} is NaN. It must be a number for every model; repair the metric, then "
                "run again"
            )
