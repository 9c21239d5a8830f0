"""numpot quantize: Default and Accuracy-aware Quantization from the command line."""

import time
from collections.abc import Iterable
from typing import Any

import typer

from ...settings.accuracy_aware_options import MeasuringOptions, SearchOptions
from ...settings.quantize_options import QuantizeOptions
from ..common import (
    Classes,
    Debug,
    Json,
    Mean,
    Scheduler,
    Std,
    To,
    Workers,
    print_json,
    print_table,
    reports_errors,
)
from ..option_flags import takes_flags
from ..suggestions import evaluate_command
from . import options as opt
from .job import Job, job_from_options


@takes_flags(QuantizeOptions, after="method")
@takes_flags(SearchOptions, MeasuringOptions, after="metric", panel=opt.PANEL)
@reports_errors
def run(
    context: typer.Context,
    model: opt.Model = None,
    data: opt.Data = None,
    output: opt.Output = None,
    to: To = None,
    config: opt.Config = None,
    method: opt.Method = "default",
    statistics_cache: opt.StatisticsCache = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    classes: Classes = None,
    mean: Mean = None,
    std: Std = None,
    metric: opt.Metrics = None,
    calibration_data: opt.CalibrationData = None,
    json: Json = False,
    debug: Debug = False,
    **options: Any,
) -> None:
    """Quantize a float model to int8 (Default Quantization, or Accuracy-aware).

    Needs some hundred representative samples; labels are needed for --method accuracy-aware only, which ends
    with status 1 if the best model it found is not good enough.
    """
    if config is None:
        job = job_from_options(context)
    else:
        from .from_config import read_job

        job = read_job(context, config, model, data, output)
    from ...parallel.dask_pool import open_pool

    with open_pool(workers, scheduler) as pool:
        job.options["pool"] = pool
        if job.metrics:
            from .accuracy_aware import run_accuracy_aware

            run_accuracy_aware(job, to, json)
        else:
            _quantize(job, to, json)


def _quantize(job: Job, to: str | None, json: bool) -> None:
    """Quantize, save, and report."""
    from numpot.ir import save_model
    from numpot.ir.formats.model_files import check_savable

    from ...default_quantization import quantize
    from ...findings.findings import NOTED, remarks

    check_savable(job.output, to)
    more = {"configuration": job.resolved} if job.resolved else {}
    if more and not json:
        print_json(more)
    start = time.perf_counter()
    quantized = quantize(job.graph, job.data, progress=not json, **job.options)
    seconds = time.perf_counter() - start
    save_model(quantized, job.output, to)
    made = quantized.info["quantization"]
    assert isinstance(made, dict)
    integer = set(made["integer_layers"])
    layers = [
        {"name": name, "type": quantized.nodes[name].type, "integer": name in integer}
        for name in _layers(made, quantized.nodes)
    ]
    report = {
        "output": job.output,
        "samples": made["samples"],
        "seconds": round(seconds, 3),
        **_peak_memory(),
        "parameters": made["parameters"],
        "layers": layers,
        **{name: made[name] for name in NOTED},
        **more,
    }
    if json:
        print_json(report)
    else:
        _print(report, remarks(made))
        if job.source is not None:
            print(
                "Next: " + evaluate_command(job.output, quantized, job.data, job.source, reference=job.model)
            )


def _print(report: dict[str, Any], remarks: Iterable[str]) -> None:
    output, layers = report["output"], report["layers"]
    floats = [layer for layer in layers if not layer["integer"]]
    integers = len(layers) - len(floats)
    print(
        f"{output}: {integers} of {len(layers)} layers on integers, {report['samples']} samples, "
        f"{report['seconds']:.1f} s"
    )
    if floats:
        print_table(
            "left in float",
            ["layer", "type"],
            [[layer["name"], layer["type"]] for layer in floats],
            numbers_from=2,
        )
    for sentence in remarks:
        print(sentence)


def _layers(made: dict[str, list[str]], order: Iterable[str]) -> list[str]:
    named = {*made["integer_layers"], *made["float_layers"]}
    return [name for name in order if name in named]


def _peak_memory() -> dict[str, float]:
    """The most memory this process has held, in MiB, where the system tells: Windows does not."""
    import sys

    try:
        import resource
    except ImportError:
        return {}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"peak_rss_mb": round(peak / (2**20 if sys.platform == "darwin" else 2**10), 1)}
