"""AccuracyAwareQuantization: as much int8 as an allowed drop of a metric permits (docs/accuracy-aware.md).

1. quantize           everything, by DefaultQuantization; later models reuse its numbers        default.py, assembly.py
2. measure            the float model, and the int8 one                                         evaluator.py, measurements.py
3. group              quantizers that can only leave together                                   groups.py
4. rank               groups by what the metric gains without them                              ranking.py
5. search             give groups back to float, then back to int8 what is not needed           search.py, search_pot.py
6. report             every point, what stayed in float and why                                 accuracy_report.py
"""

import json
import math
import sys
import time
from os import PathLike
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from numpot.ir.graph import Graph

from .accuracy_goal import DropType, Goal, goal
from .accuracy_report import Report, float_layers, visited
from .assembly import Assembly
from .best import with_best
from .data import DataLoader, ModelData
from .default import calibrated
from .errors import QuantizationError
from .evaluator import Evaluator, MetricEvaluator
from .fingerprints import data_digest, model_digest
from .groups import find_groups, multiply_adds
from .journal import Journal
from .measurements import Measurements, Point
from .metrics import Metric, Sqnr
from .parameters import Parameters, check, read_parameters
from .pool import Pool
from .ranking import Ranking
from .search import Found, search
from .search_pot import search_as_pot

RANKING_SUBSET_SIZE: Final = 300
MAX_DROP: Final = 0.01
ROUNDING: Final = 1e-9  # of the baseline: more than differences of floats are off, less than any sample counts


class Result(NamedTuple):
    """The int8 model, and how it was found."""

    model: Graph
    report: Report


class Wanted(NamedTuple):
    """The parameters of the search, as `quantize_accuracy_aware` takes them."""

    max_drop: float
    drop_type: DropType
    max_iter_num: int
    ranking_subset_size: int
    rank_by: Literal["metric", "sqnr"]
    search: Literal["best", "pot"]
    use_prev_if_drop_increase: bool


def quantize_accuracy_aware(
    graph: Graph,
    data: DataLoader,
    metric: Metric | Evaluator,
    *,
    calibration_data: DataLoader | None = None,
    max_drop: float = MAX_DROP,
    drop_type: DropType = "absolute",
    max_iter_num: int | None = None,
    ranking_subset_size: int = RANKING_SUBSET_SIZE,
    rank_by: Literal["metric", "sqnr"] = "metric",
    search: Literal["best", "pot"] = "best",
    use_prev_if_drop_increase: bool = True,
    statistics_cache: str | PathLike[str] | None = None,
    progress: bool = False,
    pool: Pool | None = None,
    **options: Any,
) -> Result:
    """Quantize, then give layers back to float until the metric is within `max_drop` of the float model's. The graph is not changed.

    data: labelled samples to measure on, and to calibrate with unless `calibration_data` is given. metric: a Metric; an Evaluator for one
    that measures in a way of its own, and for several metrics at once. drop_type: `absolute`, in units of the metric, or `relative`, as a
    share of the float model's value. max_iter_num: how many groups may be tried; None for all.
    ranking_subset_size: samples to rank groups by, those that rounding hurt most. rank_by: the metric, or the noise in the outputs.
    search: `best` returns the best model seen and weighs what a layer costs in float; `pot` follows POT 2023.3 step by step, for which
    use_prev_if_drop_increase is.
    statistics_cache: a folder for statistics and for every finished evaluation: a run that was killed goes on and ends the same.
    pool: who shares the work, of `distributed.open_pool`; by default this process alone. options: of `quantize` (default.py).

    Returns the model and a Report; `report.reached` says whether the target was. Raises QuantizationError and DataError; what can be known
    to be wrong is found before calibration starts, a metric that fails on its first batch included. AccuracyError for one that fails later.
    Source: POT 2023.3, AccuracyAwareQuantization.
    """
    iterations = sys.maxsize if max_iter_num is None else max_iter_num
    wanted = Wanted(max_drop, drop_type, iterations, ranking_subset_size, rank_by, search, use_prev_if_drop_increase)
    settings = read_parameters(**options)
    check(graph, settings)
    _check(wanted)
    evaluator = metric if isinstance(metric, Evaluator) else MetricEvaluator(metric, data, graph, progress=progress, pool=pool)
    by_labels = rank_by == "metric"
    ranker = evaluator if by_labels else MetricEvaluator(Sqnr(), data, graph, check_finite=False, pool=pool)
    start = time.perf_counter()
    with calibrated(graph, calibration_data or data, settings, statistics_cache, progress, pool) as assembly:
        folder = None if statistics_cache is None else Path(statistics_cache)
        header = {} if folder is None else _header(graph, data, calibration_data, settings)
        measurements = Measurements(assembly, evaluator, ranker, Journal(folder, header))
        found, target, first = _search(graph, assembly, evaluator, measurements, wanted, progress)
    model = assembly.build(found.point.reverted)
    report = _report(found, first, target, measurements, len(evaluator), time.perf_counter() - start)
    made = model.info["quantization"]
    assert isinstance(made, dict)
    made["algorithm"] = "AccuracyAwareQuantization"
    made["accuracy"] = {name: report.record()[name] for name in ("reached", "ended", "baseline", "limits", "values", "float_layers")}
    return Result(model, report)


def _search(
    graph: Graph, assembly: Assembly, evaluator: Evaluator, measurements: Measurements, wanted: Wanted, progress: bool
) -> tuple[Found, Goal, Point]:
    """The search, the goal, and the fully quantized model that it started from."""
    quantizers = assembly.quantizers
    groups = find_groups(quantizers)
    total = sum(multiply_adds(node) for node in assembly.prepared)
    baseline = measurements.of_float(graph)
    target = goal(baseline.values, evaluator.higher_better, wanted.max_drop, wanted.drop_type, 0.0 if wanted.search == "pot" else ROUNDING)
    if not all(map(math.isfinite, baseline.values.values())):
        raise QuantizationError(f"the float model's metrics are {baseline.values}; no drop can be measured from what is not finite")
    if progress:
        subset = min(wanted.ranking_subset_size, len(evaluator))
        print(plan(len(groups), len(evaluator), subset, measurements.seconds), file=sys.stderr)
    first = measurements.point((), target, total)
    rank = Ranking(
        measurements,
        target,
        baseline.per_sample,
        min(wanted.ranking_subset_size, len(evaluator)),
        evaluator.multiple,
        cheap_first=wanted.search == "best",
        by_labels=wanted.rank_by == "metric",
        progress=progress,
    )

    def measure(reverted: Any) -> Point:
        point = measurements.point(reverted, target, total)
        if progress:
            drops = ", ".join(f"{name} drop {drop:.4f} of {target.limits[name]:.4f}" for name, drop in point.drops.items())
            print(f"{len(reverted)} groups in float: {drops}", file=sys.stderr)
        return point

    if wanted.search == "pot":
        keep = wanted.use_prev_if_drop_increase
        return search_as_pot(first, groups, target, measure, rank, wanted.max_iter_num, use_prev_if_drop_increase=keep), target, first
    return search(first, groups, target, measure, rank, wanted.max_iter_num), target, first


def plan(groups: int, samples: int, subset: int, seconds: float) -> str:
    """What is to come, from the one evaluation that was measured. seconds: that it took; 0 if the journal knew it."""
    pace = f"about {seconds:.1f} s each on {samples} samples" if seconds else f"{samples} samples each"
    ranking = f", about {seconds * groups * subset / samples:.0f} s" if seconds else ""
    return (
        f"plan: float and int8 model first, {pace}; if the drop is too large, {groups} groups are ranked on {subset} samples{ranking}, "
        f"then one evaluation for each group that goes back to float, {groups} at most, and one for each tried in int8 again"
    )


def _report(found: Found, first: Point, target: Goal, measurements: Measurements, samples: int, seconds: float) -> Report:
    points = [first, *(step.point for step in found.steps)]
    excess = {id(p): target.largest_excess(p.drops) for p in points}
    return Report(
        reached=target.is_reached(found.point.drops),
        ended=found.why,
        baseline=target.baseline,
        limits=target.limits,
        values=found.point.values,
        drops=found.point.drops,
        visited=visited(target.baseline, first, found, excess),
        float_layers=float_layers(found),
        samples=samples,
        full=measurements.full,
        partial=measurements.partial,
        replayed=measurements.replayed,
        seconds=round(seconds, 3),
    )


def _header(graph: Graph, data: DataLoader, calibration_data: DataLoader | None, settings: Parameters) -> dict[str, str]:
    """What tells evaluations from others: model, samples with their labels, parameters of the quantization."""
    samples = ModelData(data, graph)
    labels = json.dumps([repr(samples[i][1]) for i in range(len(samples))])
    return {
        "model_sha256": model_digest(graph),
        "data_sha256": data_digest(samples),
        "labels": _sha256(labels),
        "calibration_sha256": "" if calibration_data is None else data_digest(ModelData(calibration_data, graph)),
        "parameters": json.dumps(with_best(settings).record(), sort_keys=True, default=str),
    }


def _sha256(text: str) -> str:
    import hashlib

    return hashlib.sha256(text.encode()).hexdigest()


def _check(wanted: Wanted) -> None:
    if not 0 <= wanted.max_drop < math.inf:
        raise QuantizationError(f"max_drop must be a number of at least 0, found {wanted.max_drop}")
    choices = {"drop_type": ("absolute", "relative"), "rank_by": ("metric", "sqnr"), "search": ("best", "pot")}
    for name, known in choices.items():
        if getattr(wanted, name) not in known:
            raise QuantizationError(f"{name} must be one of {', '.join(known)}, found {getattr(wanted, name)!r}")
    for name in ("max_iter_num", "ranking_subset_size"):
        if getattr(wanted, name) < 1:
            raise QuantizationError(f"{name} must be at least 1, found {getattr(wanted, name)}")
