"""numpot quantize: Default Quantization from the command line."""

import time
from collections.abc import Iterable
from typing import Annotated, Literal

import typer

from .common import Data, Debug, Json, Mean, Model, Std, open_model, print_json, print_table, read_settings, reports_errors

SETTINGS = "how weights are quantized: bits=4, mode=asymmetric, range_estimator.max.type=quantile (repeatable)"


@reports_errors
def run(
    model: Model,
    data: Data,
    output: Annotated[str, typer.Option("--output", "-o", metavar="OUT", help="the .xml to write; its .bin goes beside it")],
    preset: Annotated[
        Literal["performance", "mixed", "accuracy"],
        typer.Option("--preset", help="symmetric, asymmetric activations, or asymmetric weights too"),
    ] = "performance",
    target_device: Annotated[
        Literal["ANY", "CPU", "CPU_SPR", "GPU"], typer.Option("--target-device", help="whose table of schemes to use")
    ] = "ANY",
    subset_size: Annotated[int, typer.Option("--subset-size", min=1, metavar="N", help="samples to calibrate with")] = 300,
    saturation_fix: Annotated[
        Literal["first_layer", "all", "no", "auto", "auto-strict"],
        typer.Option("--saturation-fix", help="which layers get narrower weights; auto: as little as needed"),
    ] = "first_layer",
    fast_bias: Annotated[bool, typer.Option("--fast-bias/--no-fast-bias", help="correct biases for the rounding of weights")] = True,
    ignore: Annotated[list[str] | None, typer.Option("--ignore", metavar="LAYER", help="leave this layer in float (repeatable)")] = None,
    ignore_type: Annotated[list[str] | None, typer.Option("--ignore-type", metavar="TYPE", help="leave this operator in float")] = None,
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
    shuffle: Annotated[bool, typer.Option("--shuffle", help="take random samples instead of the first")] = False,
    seed: Annotated[int, typer.Option("--seed", help="seed of --shuffle")] = 0,
    mean: Mean = None,
    std: Std = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Quantize a float model to int8 (Default Quantization).

    Needs some hundred representative samples; labels are not needed.
    """
    from numpot.ir import save_model
    from numpot.ir.xmlbin import check_savable
    from numpot.quant.data import open_data
    from numpot.quant.default import quantize

    check_savable(output)
    graph = open_model(model, mean, std)
    loader = open_data(data, graph)
    start = time.perf_counter()
    quantized = quantize(
        graph,
        loader,
        progress=not json,
        preset=preset,
        target_device=target_device,
        stat_subset_size=subset_size,
        stat_batch_size=batch_size,
        weights=read_settings("--weights", weights or ()),
        activations=read_settings("--activations", activations or ()),
        range_estimator=range_estimator,
        inplace_statistics=inplace_statistics,
        statistics_cache=statistics_cache,
        saturation_fix=saturation_fix,
        use_fast_bias=fast_bias,
        ignored_scope=ignore or (),
        ignored_types=ignore_type or (),
        shuffle_data=shuffle,
        seed=seed,
    )
    seconds = time.perf_counter() - start
    save_model(quantized, output)
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
