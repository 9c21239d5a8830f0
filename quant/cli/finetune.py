"""numpot finetune: train the weight codes and biases of a quantized model a little further."""

from typing import Annotated, Any

import typer

from numpot.ir.errors import counted

from ..settings.finetune_options import FinetuneOptions
from .common import (
    DATA_HELP,
    Classes,
    Data,
    Debug,
    Json,
    Limit,
    Mean,
    Std,
    To,
    open_model,
    print_json,
    print_table,
    reports_errors,
)
from .evaluate import METRICS_HELP
from .option_flags import given_options, takes_flags


@takes_flags(FinetuneOptions, after="teacher")
@reports_errors
def run(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="a quantized model, as numpot quantize writes it")
    ],
    data: Data,
    output: Annotated[
        str,
        typer.Option(
            "--output", "-o", metavar="OUT", help="the .xml to write, with its .bin beside it, or the .onnx"
        ),
    ],
    to: To = None,
    teacher: Annotated[
        str | None,
        typer.Option(
            "--teacher",
            metavar="FP32",
            help="the float model; its answers are learned, and no labels are needed",
        ),
    ] = None,
    validation: Annotated[
        str | None,
        typer.Option(
            "--validation", metavar="D", help=f"other samples, to choose the best epoch: {DATA_HELP}"
        ),
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(
            "--metric",
            metavar="M",
            help="chooses the best epoch: " + METRICS_HELP.replace("--reference", "--teacher"),
        ),
    ] = None,
    classes: Classes = None,
    limit: Limit = None,
    mean: Mean = None,
    std: Std = None,
    json: Json = False,
    debug: Debug = False,
    **flags: Any,
) -> None:
    """Fine-tune a quantized model: new weight codes and biases; the same operators, scales and speed.

    This is the last resort, if quantization costs too much accuracy and layers must not go back to float.
    With --validation and --metric the best epoch is kept, and the result is never worse on these samples
    than MODEL.
    """
    import time

    from numpot.ir import save_model
    from numpot.ir.formats.model_files import check_savable
    from numpot.quant.finetuning.trainer import finetune

    from ..data.sources import open_data, subset
    from ..metrics.names import parse_metric

    check_savable(output, to, read=[model, teacher, data, validation])
    measure = parse_metric(metric) if metric else None
    graph = open_model(model, mean, std)
    options: dict[str, Any] = {
        "teacher": open_model(teacher, mean, std) if teacher else None,
        **given_options(FinetuneOptions, flags),
        "validation": open_data(validation, graph, classes=classes) if validation else None,
        "metric": measure,
    }
    samples = open_data(data, graph, classes=classes)
    start = time.perf_counter()
    tuned = finetune(graph, subset(samples, limit or len(samples)), progress=not json, **options)
    seconds = time.perf_counter() - start
    save_model(tuned, output, to)
    made = tuned.info["finetuning"]
    assert isinstance(made, dict)
    if json:
        print_json({"output": output, "seconds": round(seconds, 3), **made})
    else:
        _print(output, seconds, made)


def _print(output: str, seconds: float, made: dict[str, Any]) -> None:
    names = [name for name in made["history"][0] if name != "epoch"]
    print_table(
        "epochs",
        ["epoch", *names],
        [[e["epoch"], *(f"{e[name]:.4f}" for name in names)] for e in made["history"]],
    )
    trained = made["trained"]
    weights = (
        f"trained the weights of {counted(trained['int8_weights'], 'layer')} on integers and "
        f"{trained['float_weights']} in float, and {counted(trained['biases'], 'bias', 'biases')}"
    )
    print(f"{output}: {weights}, on {counted(made['samples'], 'sample')}, in {seconds:.1f} s")
    if "metric" in made:
        best = (
            f"epoch {made['best_epoch']}"
            if made["best_epoch"]
            else "no epoch was better, so the model is unchanged"
        )
        print(f"{made['metric']} {made['before']:.4f} before, {made['after']:.4f} after: {best}")
    else:
        print("Not validated: with --validation and --metric the best epoch is kept instead of the last")
