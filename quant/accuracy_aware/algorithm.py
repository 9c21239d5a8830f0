"""AccuracyAwareQuantization: as much int8 as an allowed drop of a metric permits (docs/accuracy-aware.md).

1. measure            the float model, and estimate the work             evaluator.py, measurements.py
2. quantize           everything; later models reuse the results         default_quantization.py, assembly.py
3. other parameters   if asked: preset mixed, a grid of estimators       hyperparameters.py
4. group              quantizers that leave together, with their cost    layer_groups.py, costs.py
5. rank               groups by the metric's gain without them           ranking.py
6. search             revert groups to float, then try int8 again        search.py, search_pot.py
7. report             every point; what stayed in float, and why         report.py
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from os import PathLike
from pathlib import Path
from typing import Any

from numpot.ir.arguments import as_graph
from numpot.ir.errors import AnyPath
from numpot.ir.graph import Graph
from numpot.ir.lowering.lower import Arithmetic
from numpot.ir.ops.common.operator import nearest

from ..data.classes import record_classes
from ..data.fingerprints import data_digest, model_digest
from ..data.sources import DataLoader, ModelData
from ..default_quantization import check_arguments, open_samples
from ..errors import QuantizationError
from ..metrics.annotation_free import self_labelled
from ..metrics.classification import Metric, Sqnr
from ..metrics.metric_identity import described
from ..parallel.pool import Pool
from ..settings.arguments import as_loader, as_metric
from ..settings.best_preset import with_best
from ..settings.option_types import choose, read_option, typed
from ..settings.parameters import Parameters, check, read_parameters
from .evaluators.evaluator import Evaluator, MetricEvaluator
from .evaluators.journal import Journal
from .measurements import Measurements, check_scores
from .parameters import CONFIDENCE, SearchParameters
from .run import Result, Run


def quantize_accuracy_aware(
    graph: Graph | AnyPath,
    data: DataLoader | AnyPath,
    metric: Metric | str | Sequence[Metric | str] | Evaluator,
    *,
    calibration_data: DataLoader | AnyPath | None = None,
    annotation_free: bool = False,
    annotation_conf_threshold: float = CONFIDENCE,
    arithmetic: Arithmetic = "exact",
    statistics_cache: str | PathLike[str] | None = None,
    progress: bool = False,
    pool: Pool | None = None,
    **options: Any,
) -> Result:
    """Quantize, then give layers back to float until the metric is within `max_drop` of the float model's.
    The graph is not changed.

    data: labelled samples to measure on, and to calibrate with unless `calibration_data` is given. metric: a
    Metric or its name, or several, which all have to keep within; an Evaluator for what measures in a way of
    its own. annotation_free: labels are the float model's answers, where it is at least
    annotation_conf_threshold sure. arithmetic: of the int8 model that is measured; `saturating` for CPUs
    without VNNI. statistics_cache: a folder for statistics and for every finished evaluation: a run that was
    killed goes on and ends the same. pool: who shares the work, of `distributed.open_pool`; by default this
    process alone.

    options, beside those of `quantize` (default_quantization.py): max_drop, drop_type: `absolute`, in units
    of the metric, or `relative`, as a share of the float model's value. max_iter_num: how many groups may be
    tried; None for all. ranking_subset_size: samples to rank groups by, those that rounding hurt most.
    rank_by: the metric, or `sqnr`, the noise in the outputs. cost: what to spend least of: multiply-adds,
    bytes or time (costs.py). precisions: what a group may get: float, 7-bit, safe (layer_groups.py); narrower
    weights help where `arithmetic` saturates. search: `best` returns the best model seen and weighs what a
    layer costs in float; `pot` follows POT 2023.3 step by step, for which use_prev_if_drop_increase is.
    convert_to_mixed_preset, tune_hyperparams: what to try before any layer goes back to float. baseline: the
    float model's value of each metric, if known; samples are then ranked among a share of metric_subset_ratio
    only.

    Returns the model and a Report; `report.reached` says whether the target was. Raises QuantizationError and
    DataError; what can be known to be wrong is found before calibration starts, a metric that fails on its
    first batch included. AccuracyError for one that fails later. Source: POT 2023.3,
    AccuracyAwareQuantization.
    """
    wanted, settings = _read_options(options)
    graph = as_graph(graph)
    check_arguments(statistics_cache, progress, pool)
    data = as_loader(data, graph)
    calibration_data = (
        None if calibration_data is None else as_loader(calibration_data, graph, "calibration_data")
    )
    annotation_conf_threshold = read_option(float, "annotation_conf_threshold", annotation_conf_threshold)
    annotation_free = read_option(bool, "annotation_free", annotation_free)
    arithmetic = choose(("exact", "saturating", "simulated"), "arithmetic", arithmetic)
    if not 0 <= annotation_conf_threshold <= 1:
        raise QuantizationError(
            f"annotation_conf_threshold must be from 0 to 1, found {annotation_conf_threshold}"
        )
    check(graph, settings)
    metrics = [] if isinstance(metric, Evaluator) else _metrics(metric)
    wanted.check(
        settings, metric.higher_better if isinstance(metric, Evaluator) else [m.name for m in metrics]
    )
    measured_on = (
        self_labelled(data, graph, metrics, annotation_conf_threshold, progress=progress)
        if annotation_free
        else data
    )
    if isinstance(metric, Evaluator):
        evaluator = metric
        check_scores(
            metric.measure(graph, range(metric.multiple)), metric
        )  # so that what fails, fails at once
    else:
        evaluator = MetricEvaluator(
            metrics, measured_on, graph, arithmetic=arithmetic, progress=progress, pool=pool
        )
    ranker = evaluator
    if wanted.rank_by == "sqnr":
        ranker = MetricEvaluator(
            Sqnr(), measured_on, graph, arithmetic=arithmetic, check_finite=False, pool=pool
        )
    with open_samples(
        graph,
        data if calibration_data is None else calibration_data,
        settings,
        statistics_cache,
        progress,
        pool,
    ) as samples:
        folder = None if statistics_cache is None else Path(statistics_cache)
        header = {} if folder is None else _header(graph, measured_on, calibration_data, settings)
        measurements = Measurements(evaluator, ranker, Journal(folder, header))
        result = Run(graph, samples, settings, evaluator, measurements, wanted, progress).result()
        record_classes(result.model, evaluator.classes if isinstance(evaluator, MetricEvaluator) else None)
        return result


def _metrics(metric: Metric | str | Sequence[Metric | str]) -> list[Metric]:
    """One or several, as a list. Raises QuantizationError for anything else."""
    given: list[Any] = list(metric) if isinstance(metric, list | tuple) else [metric]
    if not given:
        raise QuantizationError("metric must be a Metric, several, or an Evaluator, found none")
    return [as_metric(one) for one in given]


def _read_options(options: Mapping[str, Any]) -> tuple[SearchParameters, Parameters]:
    """Those of the search, and those of `quantize`. Raises QuantizationError."""
    of_search = [f.name for f in fields(SearchParameters)]
    known = [*of_search, *(f.name for f in fields(Parameters))]
    for name in options.keys() - set(known):
        raise QuantizationError(
            f"parameter {name!r} is not known" + (nearest(name, known) or f". Known are {', '.join(known)}")
        )
    search = {
        name: value
        for name, value in options.items()
        if name in of_search and not (name == "max_iter_num" and value is None)
    }
    return SearchParameters(**typed(SearchParameters, search)), read_parameters(
        **{name: v for name, v in options.items() if name not in of_search}
    )


def _header(
    graph: Graph, data: DataLoader, calibration_data: DataLoader | None, settings: Parameters
) -> dict[str, str]:
    """What tells evaluations from others: model, samples with their labels, parameters of the
    quantization.
    """
    samples = ModelData(data, graph)
    labels = hashlib.sha256()
    for i in range(len(samples)):
        labels.update(described(samples.label(i)).encode())
    return {
        "model_sha256": model_digest(graph),
        "data_sha256": data_digest(samples),
        "labels": labels.hexdigest(),
        "calibration_sha256": ""
        if calibration_data is None
        else data_digest(ModelData(calibration_data, graph)),
        "parameters": json.dumps(with_best(settings).record(), sort_keys=True, default=str),
    }
