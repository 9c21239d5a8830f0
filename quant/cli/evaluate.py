"""numpot evaluate: a metric of a model on labelled data, in a chosen arithmetic."""

from typing import Annotated

import typer

from numpot.ir.errors import counted

from .common import (
    Arithmetic,
    Classes,
    Data,
    Debug,
    Json,
    Limit,
    Mean,
    Model,
    Scheduler,
    Std,
    Threads,
    Workers,
    open_model,
    print_classes,
    print_json,
    reports_errors,
)

METRICS_HELP = (
    "accuracy@K, f1, precision, recall, miou, map, rmse, mae; agreement, sqnr, cosine (these "
    "need --reference); or module:Class, a Metric of your own"
)


@reports_errors
def run(
    model: Model,
    data: Data,
    metric: Annotated[
        str,
        typer.Option("--metric", metavar="M", help=METRICS_HELP),
    ] = "accuracy@1",
    reference: Annotated[
        str | None,
        typer.Option("--reference", metavar="MODEL", help="the model to compare with, usually the float one"),
    ] = None,
    arithmetic: Arithmetic = "exact",
    limit: Limit = None,
    threads: Threads = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    classes: Classes = None,
    mean: Mean = None,
    std: Std = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Measure a metric of a model on data.

    A float model runs in float; a quantized model runs in the chosen arithmetic.
    """
    from dataclasses import asdict

    from ..data.sources import open_data
    from ..metrics.evaluate import evaluate
    from ..metrics.names import parse_metric
    from ..parallel.dask_pool import open_pool

    measure = parse_metric(metric)
    graph = open_model(model, mean, std)
    samples, compared = (
        open_data(data, graph, classes=classes),
        open_model(reference, mean, std) if reference else None,
    )
    with open_pool(workers, scheduler) as pool:
        result = evaluate(
            graph,
            samples,
            measure,
            reference=compared,
            arithmetic=arithmetic,
            limit=limit,
            threads=threads,
            progress=not json,
            pool=pool,
        )
    if json:
        print_json(asdict(result))
    else:
        if measure.needs_labels:
            print_classes(samples)
        print(
            f"{result.metric} {result.value:.4f} on {counted(result.samples, 'sample')} "
            f"({result.arithmetic}, "
            f"{result.seconds:.1f} s)"
        )
