"""Every model that the accuracy-aware search looks at: measured once, kept in the journal, counted."""

import hashlib
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from numpot.ir.graph import Graph

from .accuracy_goal import Goal
from .assembly import Assembly
from .errors import QuantizationError
from .evaluator import Evaluator, Scores
from .groups import Group
from .journal import Journal


class AccuracyError(QuantizationError):
    """A metric that gives no number, or other numbers than before. What was measured until then stays in the journal."""


@dataclass(frozen=True)
class Point:
    """A model measured on all samples. groups: those in float. drops: of each metric. float_share: of all multiply-adds, in [0, 1]."""

    groups: tuple[Group, ...]
    values: Mapping[str, float]
    drops: Mapping[str, float]
    float_share: float
    per_sample: Mapping[str, np.ndarray] = field(repr=False)

    @property
    def reverted(self) -> frozenset[str]:
        """Names of the quantizers that are left out."""
        return frozenset[str]().union(*(g.quantizers for g in self.groups))


class Measurements:
    """full, partial: how many evaluations on all samples and on some the search has asked for; those that the journal knew count, too.
    seconds: what the evaluations of this run took."""

    def __init__(self, assembly: Assembly, evaluator: Evaluator, ranker: Evaluator, journal: Journal) -> None:
        self._assembly, self._evaluator, self._ranker, self._journal = assembly, evaluator, ranker, journal
        self._total = 0
        self.full = self.partial = self.replayed = 0
        self.seconds = 0.0

    def of_float(self, graph: Graph) -> Scores:
        """The model that was given, on all samples."""
        self.full += 1
        return self._known_or(_key(self._evaluator, "float", None), self._evaluator, None, lambda: self._evaluator.measure(graph))

    def point(self, groups: Sequence[Group], goal: Goal, multiply_adds: int) -> Point:
        """The int8 model with these groups in float, on all samples. multiply_adds: of the whole model."""
        self.full += 1
        reverted = frozenset[str]().union(*(g.quantizers for g in groups))
        (scores,) = self._measure_variants(self._evaluator, [reverted], None)
        share = sum(g.multiply_adds for g in groups) / max(multiply_adds, 1)
        return Point(tuple(groups), scores.values, goal.drops(scores.values), share, scores.per_sample)

    def scores(self, variants: Sequence[frozenset[str]], indices: Sequence[int], metric: str | None) -> Iterator[float]:
        """Larger is better: what the ranking measures on some samples, of the models without these quantizers. metric: which of several."""
        self.partial += len(variants)
        for scores in self._measure_variants(self._ranker, variants, indices):
            name = metric if metric in scores.values else next(iter(scores.values))
            yield scores.values[name] if self._ranker.higher_better[name] else -scores.values[name]

    def _measure_variants(
        self, evaluator: Evaluator, variants: Sequence[frozenset[str]], indices: Sequence[int] | None
    ) -> Iterator[Scores]:
        keys = [_key(evaluator, "int8 without " + " ".join(sorted(reverted)), indices) for reverted in variants]
        unknown = {key: reverted for key, reverted in zip(keys, variants, strict=True) if self._journal[key] is None}
        measured = evaluator.measure_variants(self._assembly, list(unknown.values()), indices)
        for key in keys:
            yield self._known_or(key, evaluator, indices, lambda: next(measured))

    def _known_or(self, key: str, evaluator: Evaluator, indices: Sequence[int] | None, measure: Callable[[], Scores]) -> Scores:
        known = self._journal[key]
        if known is not None:
            self.replayed += 1
            return known
        start = time.perf_counter()
        scores = measure()
        self.seconds += time.perf_counter() - start
        _check(scores, evaluator)
        self._journal.add(key, scores if indices is None else Scores(scores.values, {}))
        return scores


def _key(evaluator: Evaluator, name: str, indices: Sequence[int] | None) -> str:
    where = "all" if indices is None else ",".join(map(str, indices))
    return hashlib.sha256(f"{evaluator.identity}|{where}|{name}".encode()).hexdigest()


def _check(scores: Scores, evaluator: Evaluator) -> None:
    if scores.values.keys() != evaluator.higher_better.keys():
        raise AccuracyError(f"metrics changed: expected values of {sorted(evaluator.higher_better)}, found {sorted(scores.values)}")
    for name, value in scores.values.items():
        if math.isnan(value):
            raise AccuracyError(f"metric {name} is NaN. It must be a number for every model; repair the metric, then run again")
