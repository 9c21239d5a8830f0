"""Run the stages of accuracy-aware quantization one after the other; algorithm.py starts them once all
arguments are checked.
"""

import json
import math
import random
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np

from numpot.ir.errors import counted
from numpot.ir.graph import Graph

from ..data.sources import Batch, batches
from ..default_quantization import run_stages
from ..errors import QuantizationError
from ..findings.findings import note
from ..layers.weighted_layers import prepare
from ..parameters import Parameters
from ..statistics.collection import Samples
from .costs import priced, run_seconds
from .evaluators.evaluator import Evaluator, MetricEvaluator
from .goal import Goal, goal
from .hyperparameters import tuned
from .layer_groups import Group, find_groups, with_precisions
from .measurements import Measurements, Point
from .parameters import SearchParameters
from .ranking import Ranking
from .report import Report, make_report
from .search import Found, search
from .search_pot import search_as_pot

# of the baseline: more than differences of floats are off, less than any sample counts
ROUNDING: Final = 1e-9
TIMED: Final = 32  # samples in the batch that cost "time" is measured on


class Result(NamedTuple):
    """The int8 model, and how it was found."""

    model: Graph
    report: Report


@dataclass(frozen=True)
class Run:
    """graph: the float model. samples: to calibrate with. settings: of the quantization. evaluator: what the
    target is of.
    """

    graph: Graph
    samples: Samples
    settings: Parameters
    evaluator: Evaluator
    measurements: Measurements
    wanted: SearchParameters
    progress: bool

    def result(self) -> Result:
        start = time.perf_counter()
        target = self._target()
        self._show_plan()
        starts = {"int8": self._calibrated(self.settings, "", target)}
        first = self._other_parameters(starts, target)
        self.measurements.use(first.made)
        found = self._search(first, target)
        model = self.measurements.build(found.point)
        assembly = self.measurements.assembly(found.point)
        note(model, assembly, self.samples)
        models = {"float": self.graph, "int8": assembly.build(), "result": model}
        seconds = run_seconds(list(models.values()), self._batch.inputs)
        milliseconds = {name: round(1000 * each, 3) for name, each in zip(models, seconds, strict=True)}
        took = time.perf_counter() - start
        report = make_report(
            found, starts, target, self.measurements, models, milliseconds, len(self.evaluator), took
        )
        made = model.info["quantization"]
        assert isinstance(made, dict)
        made["algorithm"] = "AccuracyAwareQuantization"
        record = report.record()
        made["accuracy"] = {
            name: record[name]
            for name in ("reached", "ended", "baseline", "limits", "values", "float_layers")
        }
        return Result(model, report)

    # ---- what is to be reached -----------------------------------------------------------------------------

    def _target(self) -> Goal:
        """From the float model's metrics: given, or measured on all samples."""
        values = self.wanted.baseline or self.measurements.of_float(self.graph).values
        if isinstance(self.evaluator, MetricEvaluator):
            self.evaluator.remark_chance(values)
        if not all(map(math.isfinite, values.values())):
            raise QuantizationError(
                f"the float model's metrics are {values}; no drop can be measured from what is not finite"
            )
        tolerance = 0.0 if self.wanted.search == "pot" else ROUNDING
        values = {name: values[name] for name in self.evaluator.higher_better}
        return goal(
            values, self.evaluator.higher_better, self.wanted.max_drop, self.wanted.drop_type, tolerance
        )

    def _show_plan(self) -> None:
        if self.progress:
            model = self.graph.copy()
            prepare(model)
            groups = len(find_groups(self.settings.quantizers(model)))
            subset = min(self.wanted.ranking_subset_size, len(self._pool))
            print(
                plan(groups, len(self.evaluator), subset, self.measurements.seconds, self.wanted),
                file=sys.stderr,
            )

    @property
    def _pool(self) -> Sequence[int]:
        """Numbers of the samples that the ranking chooses from: all, or a share of them if the baseline was
        given (POT 2023.3).
        """
        everything = range(len(self.evaluator))
        if not self.wanted.baseline:
            return everything
        multiple = self.evaluator.multiple
        size = max(int(self.wanted.metric_subset_ratio * len(everything)) // multiple, 1) * multiple
        return sorted(random.Random(self.settings.seed).sample(everything, size))

    # ---- fully quantized models ----------------------------------------------------------------------------

    def _calibrated(self, settings: Parameters, made: str, target: Goal) -> Point:
        """The fully quantized model with these parameters."""
        self.measurements.calibrated(run_stages(self.graph, self.samples, settings), made)
        return self._measure((), target, 1.0)

    def _other_parameters(self, starts: dict[str, Point], target: Goal) -> Point:
        """Preset mixed, then a grid of estimators, if wanted and needed. Adds them to `starts`; returns what
        to go on from.
        """
        first = starts["int8"]
        settings = self.settings
        if self.wanted.convert_to_mixed_preset and not target.is_reached(first.drops):
            mixed = replace(settings, preset="mixed")
            starts["preset mixed"] = point = self._calibrated(mixed, "preset mixed; ", target)
            if self.wanted.search == "pot" or target.largest_excess(point.drops) < target.largest_excess(
                first.drops
            ):
                first, settings = point, mixed
        if self.wanted.tune_hyperparams and not target.is_reached(first.drops):
            starts["tuned"] = point = self._tuned(first, settings, target)
            if np.mean(list(point.drops.values())) < np.mean(list(first.drops.values())):
                first = point
        return first

    def _tuned(self, first: Point, settings: Parameters, target: Goal) -> Point:
        indices = self._ranking(target).hardest(first, target.worst(first.drops))

        def measured(candidate: Parameters) -> Mapping[str, float]:
            self.measurements.calibrated(run_stages(self.graph, self.samples, candidate), _made(candidate))
            return self.measurements.values(indices)

        best = tuned(settings, measured, self.evaluator.higher_better)
        return self._calibrated(best, _made(best), target)

    # ---- groups --------------------------------------------------------------------------------------------

    def _search(self, first: Point, target: Goal) -> Found:
        """Search over the groups of the model at `first`."""
        if target.is_reached(first.drops):
            return Found(first, [], "the drop is within its limit")
        groups = self._groups(first)
        rank = self._ranking(target)
        total = sum(g.cost for g in groups)

        def measure(tried: Sequence[Group]) -> Point:
            point = self._measure(tried, target, total)
            if self.progress:
                drops = ", ".join(
                    f"{name} drop {drop:.4f} of {target.limits[name]:.4f}"
                    for name, drop in point.drops.items()
                )
                print(f"{counted(len(tried), 'group')} changed: {drops}", file=sys.stderr)
            return point

        if self.wanted.search == "pot":
            keep = self.wanted.use_prev_if_drop_increase
            return search_as_pot(
                first, groups, target, measure, rank, self.wanted.most_groups, use_prev_if_drop_increase=keep
            )
        return search(first, groups, target, measure, rank, self.wanted.most_groups)

    def _groups(self, first: Point) -> list[Group]:
        assembly = self.measurements.assembly(first)
        groups = priced(
            find_groups(assembly.quantizers),
            self.wanted.cost,
            assembly,
            self._batch.inputs,
            self.measurements.journal,
        )
        return with_precisions(groups, self.wanted.precisions, assembly.quantizers)

    @property
    def _batch(self) -> Batch:
        """Samples to measure time on."""
        return next(iter(batches(self.samples.loader, self.graph, TIMED)))

    def _ranking(self, target: Goal) -> Ranking:
        """The float model's metric of each sample is known if its baseline was measured."""
        pool = self._pool
        float_model = self.measurements.float_scores or self.measurements.of_float(self.graph, pool)
        return Ranking(
            self.measurements,
            target,
            float_model.per_sample,
            pool,
            min(self.wanted.ranking_subset_size, len(pool)),
            self.evaluator.multiple,
            cheap_first=self.wanted.search == "best",
            progress=self.progress,
        )

    def _measure(self, tried: Sequence[Group], target: Goal, total: float) -> Point:
        return self.measurements.point(tried, target, total)


def _made(settings: Parameters) -> str:
    """Text that tells the evaluations of these parameters from others in the journal."""
    return json.dumps(settings.record(), sort_keys=True, default=str) + "; "


def plan(groups: int, samples: int, subset: int, seconds: float, wanted: SearchParameters) -> str:
    """What is to come, from the one evaluation that was measured. seconds: that it took; 0 if it was known
    beforehand.
    """
    tried = groups * len(wanted.precisions)
    full = 1 + wanted.convert_to_mixed_preset + wanted.tune_hyperparams + min(tried, wanted.most_groups)
    ranked = tried + 12 * wanted.tune_hyperparams
    pace, cost_full, cost_ranked = ("", "", "")
    if seconds:
        pace = f", about {seconds:.1f} s each"
        cost_full = f" ({_duration(full * seconds)})"
        cost_ranked = f" ({_duration(ranked * seconds * subset / samples)})"
    return (
        f"plan: calibrate, then measure the int8 model on {counted(samples, 'sample')}{pace}; if its drop is "
        f"too large, rank {counted(tried, 'candidate')} on {counted(subset, 'sample')}{cost_ranked}, then "
        f"evaluate each one that is tried: at most {counted(full, 'evaluation')}{cost_full} to reach the "
        "target, and one for each group that is tried in int8 again"
    )


def _duration(seconds: float) -> str:
    return f"about {seconds:.0f} s" if seconds < 120 else f"about {seconds / 60:.0f} min"
