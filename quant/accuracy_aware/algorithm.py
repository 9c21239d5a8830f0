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
from os import PathLike
from pathlib import Path
from typing import Any

from numpot.ir.errors import AnyPath
from numpot.ir.formats.model_files import as_graph
from numpot.ir.graph import Graph

from ..best_preset import with_best
from ..data.classes import record_classes
from ..data.fingerprints import data_digest, model_digest
from ..data.loader import DataLoader
from ..data.model_data import ModelData
from ..default_quantization import check_arguments, open_samples
from ..errors import QuantizationError
from ..metrics.annotation_free import self_labelled
from ..metrics.metric import Metric
from ..metrics.names import as_metric
from ..metrics.reference import Sqnr
from ..parallel.pool import Pool
from ..parameters import Parameters, check, read_parameters
from ..settings.accuracy_aware_options import MeasuringOptions, SearchOptions
from ..settings.arguments import as_loader
from ..settings.option import declared
from ..settings.option_types import check_words_and_bounds, refuse_unknown, typed
from ..settings.quantize_options import QuantizeOptions
from ..settings.signature import takes_options
from .evaluators.evaluator import Evaluator, MetricEvaluator
from .evaluators.journal import Journal
from .evaluators.metric_identity import described
from .measurements import Measurements, check_scores
from .parameters import SearchParameters
from .run import Result, Run


@takes_options(MeasuringOptions, SearchOptions, QuantizeOptions)
def quantize_accuracy_aware(
    graph: Graph | AnyPath,
    data: DataLoader | AnyPath,
    metric: Metric | str | Sequence[Metric | str] | Evaluator,
    *,
    calibration_data: DataLoader | AnyPath | None = None,
    statistics_cache: str | PathLike[str] | None = None,
    progress: bool = False,
    pool: Pool | None = None,
    **options: Any,
) -> Result:
    """Quantize, then give layers back to float until the metric is within `max_drop` of the float model's.
    The graph is not changed.

    data: labelled samples to measure on, and to calibrate with unless `calibration_data` is given. metric: a
    Metric or its name, or several, which all have to keep within; an Evaluator for what measures in a way of
    its own. statistics_cache: a folder for statistics and for every finished evaluation: a run that was
    killed goes on and ends the same. pool: who shares the work, of `numpot.quant.open_pool`; by default this
    process alone. options: those of the search and of the measurements, declared in
    settings/accuracy_aware_options.py, and those of `quantize`; docs/options.md has a table of them.

    Returns the model and a Report; `report.reached` says whether the target was. Raises QuantizationError and
    DataError; what can be known to be wrong is found before calibration starts, a metric that fails on its
    first batch included. AccuracyError for one that fails later. Source: POT 2023.3,
    AccuracyAwareQuantization.
    """
    measuring, wanted, settings = _read_options(options)
    graph = as_graph(graph)
    check_arguments(statistics_cache, progress, pool)
    data = as_loader(data, graph)
    calibration_data = (
        None if calibration_data is None else as_loader(calibration_data, graph, "calibration_data")
    )
    check_words_and_bounds(measuring)
    check(graph, settings)
    metrics = [] if isinstance(metric, Evaluator) else _metrics(metric)
    wanted.check(
        settings, metric.higher_better if isinstance(metric, Evaluator) else [m.name for m in metrics]
    )
    measured_on = (
        self_labelled(data, graph, metrics, measuring.annotation_conf_threshold, progress=progress)
        if measuring.annotation_free
        else data
    )
    if isinstance(metric, Evaluator):
        evaluator = metric
        # so that what fails, fails at once
        check_scores(metric.measure(graph, range(metric.multiple)), metric)
    else:
        evaluator = MetricEvaluator(
            metrics, measured_on, graph, arithmetic=measuring.arithmetic, progress=progress, pool=pool
        )
    ranker = evaluator
    if wanted.rank_by == "sqnr":
        ranker = MetricEvaluator(
            Sqnr(), measured_on, graph, arithmetic=measuring.arithmetic, check_finite=False, pool=pool
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


def _read_options(options: Mapping[str, Any]) -> tuple[MeasuringOptions, SearchParameters, Parameters]:
    """Those of the measurements, of the search, and of `quantize`. Raises QuantizationError."""
    of_measuring, of_search, of_quantize = map(declared, (MeasuringOptions, SearchParameters, Parameters))
    refuse_unknown(options, [*of_search, *of_quantize, *of_measuring])

    def given(declaration: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in options.items() if name in declaration}

    return (
        MeasuringOptions(**typed(MeasuringOptions, given(of_measuring))),
        SearchParameters(**typed(SearchParameters, given(of_search))),
        read_parameters(**given(of_quantize)),
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
