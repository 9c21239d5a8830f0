"""numpot quantize: Default and Accuracy-aware Quantization from the command line."""

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from numpot.ir.errors import NumpotError

from .common import (
    DATA_HELP,
    MODEL_HELP,
    Debug,
    Json,
    Mean,
    Scheduler,
    Std,
    To,
    Workers,
    open_model,
    print_json,
    print_table,
    read_settings,
    reports_errors,
)

if TYPE_CHECKING:
    from numpot.ir import Graph
    from numpot.quant.data import ModelData

METRICS_HELP = "accuracy@K, agreement, f1, precision, recall, miou, rmse, mae, cosine, or module:Class of a Metric"
SETTINGS = "how weights are quantized: bits=4, mode=asymmetric, range_estimator.max.type=quantile (repeatable)"


@reports_errors
def run(
    context: typer.Context,
    model: Annotated[str | None, typer.Argument(metavar="MODEL", help=MODEL_HELP)] = None,
    data: Annotated[str | None, typer.Option("--data", metavar="D", help=DATA_HELP)] = None,
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="OUT", help="the .xml to write, its .bin beside it; or an .onnx")
    ] = None,
    to: To = None,
    config: Annotated[
        str | None,
        typer.Option("--config", "-c", metavar="JSON", help="a configuration file in POT's shape: model, samples and parameters"),
    ] = None,
    method: Annotated[
        Literal["default", "accuracy-aware"],
        typer.Option("--method", help="all to int8, or as much as the allowed drop of a metric permits (needs labels)"),
    ] = "default",
    metric: Annotated[str, typer.Option("--metric", metavar="M", help="accuracy-aware: " + METRICS_HELP)] = "accuracy@1",
    max_drop: Annotated[float, typer.Option("--max-drop", metavar="D", help="accuracy-aware: drop of the metric that is allowed")] = 0.01,
    drop_type: Annotated[
        Literal["absolute", "relative"], typer.Option("--drop-type", help="accuracy-aware: in the metric's units, or a share of its value")
    ] = "absolute",
    max_iterations: Annotated[
        int | None, typer.Option("--max-iterations", min=1, metavar="N", help="accuracy-aware: groups of layers to try; all by default")
    ] = None,
    ranking_subset_size: Annotated[
        int, typer.Option("--ranking-subset-size", min=1, metavar="N", help="accuracy-aware: samples to rank groups by")
    ] = 300,
    rank_by: Annotated[
        Literal["metric", "sqnr"], typer.Option("--rank-by", help="accuracy-aware: the metric, or the noise in the outputs")
    ] = "metric",
    search: Annotated[
        Literal["best", "pot"], typer.Option("--search", help="accuracy-aware: the best model seen, or POT's steps to the letter")
    ] = "best",
    calibration_data: Annotated[
        str | None, typer.Option("--calibration-data", metavar="D", help="accuracy-aware: other samples to calibrate with")
    ] = None,
    preset: Annotated[
        Literal["performance", "mixed", "accuracy", "best"],
        typer.Option("--preset", help="symmetric; asymmetric activations, or weights too; or what was measured to help beyond POT"),
    ] = "performance",
    model_type: Annotated[
        Literal["transformer"] | None, typer.Option("--model-type", help="leave what surrounds a transformer's products in float")
    ] = None,
    target_device: Annotated[
        Literal["ANY", "CPU", "CPU_SPR", "GPU"], typer.Option("--target-device", help="whose table of schemes to use")
    ] = "ANY",
    subset_size: Annotated[int, typer.Option("--subset-size", min=1, metavar="N", help="samples to calibrate with")] = 300,
    saturation_fix: Annotated[
        Literal["first_layer", "all", "no", "auto", "auto-strict"],
        typer.Option("--saturation-fix", help="which layers get narrower weights; auto: as little as needed"),
    ] = "first_layer",
    fast_bias: Annotated[
        bool, typer.Option("--fast-bias/--no-fast-bias", help="correct each bias by itself, or layer after layer: slower and better")
    ] = True,
    ignore: Annotated[list[str] | None, typer.Option("--ignore", metavar="LAYER", help="leave this layer in float (repeatable)")] = None,
    ignore_type: Annotated[list[str] | None, typer.Option("--ignore-type", metavar="TYPE", help="leave this operator in float")] = None,
    equalize_channels: Annotated[
        bool, typer.Option("--equalize-channels", help="scale channels beforehand so that they share their codes evenly")
    ] = False,
    strict_pot: Annotated[
        bool, typer.Option("--strict-pot/--no-strict-pot", help="correct biases by POT's rules, or also those that hold a zero")
    ] = True,
    weights: Annotated[list[str] | None, typer.Option("--weights", metavar="KEY=VALUE", help=SETTINGS)] = None,
    activations: Annotated[list[str] | None, typer.Option("--activations", metavar="KEY=VALUE", help="likewise, of activations")] = None,
    range_estimator: Annotated[
        Literal["default", "quantile", "percentile", "mse", "layer_noise", "auto"] | None,
        typer.Option("--range-estimator", help="for weights and activations, where they do not say otherwise"),
    ] = None,
    batch_size: Annotated[int, typer.Option("--batch-size", min=1, metavar="N", help="samples at once; results do not depend on it")] = 8,
    inplace_statistics: Annotated[
        bool,
        typer.Option("--inplace-statistics/--no-inplace-statistics", help="keep at most 512 values a channel where medians are wanted"),
    ] = True,
    statistics_cache: Annotated[
        str | None,
        typer.Option("--statistics-cache", metavar="DIR", help="keep statistics here: a run that was killed goes on, others reuse them"),
    ] = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    shuffle: Annotated[bool, typer.Option("--shuffle", help="take random samples instead of the first")] = False,
    seed: Annotated[int, typer.Option("--seed", help="seed of --shuffle")] = 0,
    mean: Mean = None,
    std: Std = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Quantize a float model to int8 (Default Quantization, or Accuracy-aware).

    Needs some hundred representative samples; labels are needed for --method accuracy-aware only, which ends with status 1 if the best
    model it found is not good enough.
    """
    from numpot.quant.distributed import open_pool

    if config is not None:
        from .from_config import read_job

        job = read_job(context, config, model, data, output)
        if job.metric is not None:
            from .accuracy import run_accuracy_aware

            with open_pool(workers, scheduler) as pool:
                options = {"statistics_cache": statistics_cache, "pool": pool, **job.options}
                run_accuracy_aware(job.graph, job.data, job.metric, (job.output, to), options, json)
            return
        with open_pool(workers, scheduler) as pool:
            options = {"statistics_cache": statistics_cache, "pool": pool, **job.options}
            _quantize(job.graph, job.data, job.output, to, options, {"configuration": job.resolved}, json)
        return
    from numpot.ir.files import check_savable
    from numpot.quant.data import open_data

    if model is None or data is None or output is None:
        missing = "MODEL" if model is None else "--data" if data is None else "--output"
        raise NumpotError(f"{missing} is missing: give MODEL, --data and --output, or a --config that names them")
    check_savable(output, to)
    graph = open_model(model, mean, std)
    options = {
        "preset": preset,
        "model_type": model_type,
        "target_device": target_device,
        "stat_subset_size": subset_size,
        "stat_batch_size": batch_size,
        "weights": read_settings("--weights", weights or ()),
        "activations": read_settings("--activations", activations or ()),
        "range_estimator": range_estimator,
        "inplace_statistics": inplace_statistics,
        "statistics_cache": statistics_cache,
        "saturation_fix": saturation_fix,
        "use_fast_bias": fast_bias,
        "ignored_scope": ignore or (),
        "ignored_types": ignore_type or (),
        "equalize_channels": equalize_channels,
        "strict_pot": strict_pot,
        "shuffle_data": shuffle,
        "seed": seed,
    }
    samples = open_data(data, graph)
    if method == "default":
        _refuse_unused(context)
        with open_pool(workers, scheduler) as pool:
            _quantize(graph, samples, output, to, options | {"pool": pool}, {}, json)
        return
    from .accuracy import run_accuracy_aware

    options |= {
        "max_drop": max_drop,
        "drop_type": drop_type,
        "max_iter_num": max_iterations,
        "ranking_subset_size": ranking_subset_size,
        "rank_by": rank_by,
        "search": search,
        "calibration_data": open_data(calibration_data, graph) if calibration_data else None,
    }
    with open_pool(workers, scheduler) as pool:
        run_accuracy_aware(graph, samples, metric, (output, to), options | {"pool": pool}, json)


def _refuse_unused(context: typer.Context) -> None:
    """Options of the accuracy-aware method mean nothing without it."""
    for name in ("metric", "max_drop", "drop_type", "max_iterations", "ranking_subset_size", "rank_by", "search", "calibration_data"):
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            raise NumpotError(f"--{name.replace('_', '-')} is for --method accuracy-aware; add that, or leave it out")


def _quantize(
    graph: "Graph", data: "ModelData", output: str, to: str | None, options: dict[str, Any], more: dict[str, Any], json: bool
) -> None:
    """Quantize, save, and report. more: what else the report says."""
    from numpot.ir import save_model
    from numpot.ir.files import check_savable
    from numpot.quant.default import quantize

    check_savable(output, to)
    if more and not json:
        print_json(more)
    start = time.perf_counter()
    quantized = quantize(graph, data, progress=not json, **options)
    seconds = time.perf_counter() - start
    save_model(quantized, output, to)
    made = quantized.info["quantization"]
    assert isinstance(made, dict)
    integer = set(made["integer_layers"])
    layers = [{"name": name, "type": quantized.nodes[name].type, "integer": name in integer} for name in _layers(made, quantized.nodes)]
    report = {
        "output": output,
        "samples": made["samples"],
        "seconds": round(seconds, 3),
        "peak_rss_mb": round(_peak_rss_mb(), 1),
        "parameters": made["parameters"],
        "layers": layers,
        **more,
    }
    if json:
        print_json(report)
        return
    floats = [layer for layer in layers if not layer["integer"]]
    print(f"{output}: {len(layers) - len(floats)} of {len(layers)} layers on integers, {made['samples']} samples, {seconds:.1f} s")
    if floats:
        print_table("left in float", ["layer", "type"], [[layer["name"], layer["type"]] for layer in floats], numbers_from=2)
    print(f"Next: numpot evaluate {output} --data LABELLED_DATA --metric accuracy@1")


def _layers(made: dict[str, list[str]], order: Iterable[str]) -> list[str]:
    named = {*made["integer_layers"], *made["float_layers"]}
    return [name for name in order if name in named]


def _peak_rss_mb() -> float:
    """The most memory this process has held, in MiB."""
    import resource
    import sys

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10
