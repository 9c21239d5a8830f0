"""numpot quantize --method accuracy-aware: run it, and show what it did."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from .common import print_json, print_table

if TYPE_CHECKING:
    from numpot.ir import Graph
    from numpot.quant.accuracy_report import Report
    from numpot.quant.data import ModelData

NOT_REACHED = 1  # exit status when the best model found is not good enough; it is saved all the same


def run_accuracy_aware(
    graph: "Graph", data: "ModelData", metric: str, target: tuple[str, str | None], options: dict[str, Any], json: bool
) -> None:
    """Quantize, save the model with its report.json beside it, and print the table. target: the file, and its format if that is given."""
    import json as json_format

    from numpot.ir import save_model
    from numpot.ir.atomic import replacing
    from numpot.ir.files import check_savable
    from numpot.quant.accuracy_aware import quantize_accuracy_aware
    from numpot.quant.metrics import parse_metric

    output, to = target
    check_savable(output, to)
    model, report = quantize_accuracy_aware(graph, data, parse_metric(metric), progress=not json, **options)
    save_model(model, output, to)
    path = Path(output).with_name("report.json")
    record = {"output": output, "report": str(path), **report.record()}
    with replacing([path]) as (file,):
        file.write(json_format.dumps(record, indent=2).encode() + b"\n")
    if json:
        print_json(record)
    else:
        _print(report, output)
    if not report.reached:
        raise typer.Exit(NOT_REACHED)


def _print(report: "Report", output: str) -> None:
    rows = []
    for v in report.visited:
        numbers = [f"{v.values[name]:.4f} / {drop:+.4f}" for name, drop in v.drops.items()]
        rows.append([v.what, v.group, *numbers, f"{100 * v.float_share:.1f}", "yes" if v.kept else "no", "*" if v.pareto else "", v.why])
    metrics = [f"{name} / drop" for name in report.baseline]
    print_table("models measured", ["step", "group", *metrics, "float %", "kept", "Pareto", "why"], rows, numbers_from=2)
    if report.float_layers:
        print_table("back in float", ["layer", "why"], list(report.float_layers.items()), numbers_from=2)
    print(f"{output}: {report.sentence}")
    print(f"{report.full} evaluations on {report.samples} samples, {report.partial} to rank, {report.replayed} of them from the journal")
