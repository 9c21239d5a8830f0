"""numpot quantize --method accuracy-aware: run it, and show what it did."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ..common import print_classes, print_json, print_table
from .job import Job

if TYPE_CHECKING:
    from ...accuracy_aware.report import Report

NOT_REACHED = 1  # exit status when the best model found is not good enough; it is saved all the same


def run_accuracy_aware(job: Job, to: str | None, json: bool) -> None:
    """Quantize, save the model with its report.json and report.msgpack beside it, and print the table."""
    import json as json_format

    import msgpack

    from numpot.ir import save_model
    from numpot.ir.formats.common.atomic_files import replacing
    from numpot.ir.formats.model_files import check_savable

    from ...accuracy_aware.algorithm import quantize_accuracy_aware
    from ...findings.findings import NOTED, remarks
    from ...metrics.names import parse_metric

    output = job.output
    check_savable(output, to)
    metrics = [parse_metric(name) for name in job.metrics]
    model, report = quantize_accuracy_aware(job.graph, job.data, metrics, progress=not json, **job.options)
    save_model(model, output, to)
    path = Path(output).with_name("report.json")
    classes, made = model.info.get("classes"), model.info["quantization"]
    assert isinstance(made, dict)
    told = {name: made[name] for name in NOTED}
    record = {
        "output": output,
        "report": str(path),
        **report.record(),
        **told,
        **({"classes": classes} if classes else {}),
    }
    with replacing([path, path.with_suffix(".msgpack")]) as (text, packed):
        text.write(json_format.dumps(record, indent=2).encode() + b"\n")
        packed.write(msgpack.packb(record))
    if json:
        print_json(record)
    else:
        print_classes(job.data)
        _print(report, output)
        for sentence in remarks(made):
            print(sentence)
    if not report.reached:
        raise typer.Exit(NOT_REACHED)


def _print(report: "Report", output: str) -> None:
    rows = []
    for v in report.visited:
        numbers = [f"{v.values[name]:.4f} / {drop:+.4f}" for name, drop in v.drops.items()]
        rows.append(
            [
                v.what,
                v.group,
                *numbers,
                f"{100 * v.float_share:.1f}",
                "yes" if v.kept else "no",
                "*" if v.pareto else "",
                v.why,
            ]
        )
    metrics = [f"{name} / drop" for name in report.baseline]
    print_table(
        "models measured",
        ["step", "group", *metrics, "float %", "kept", "Pareto", "why"],
        rows,
        numbers_from=2,
    )
    if report.float_layers:
        print_table("back in float", ["layer", "why"], list(report.float_layers.items()), numbers_from=2)
    print(f"{output}: {report.sentence}")
    rows = [
        [what, f"{size / 2**10:.1f}", f"{report.milliseconds[what]:.2f}"]
        for what, size in report.bytes.items()
    ]
    print_table("size and speed", ["model", "KiB of constants", "ms for a batch"], rows)
    print(
        f"{report.full} evaluations on {report.samples} samples and {report.partial} to rank, "
        f"{report.restored} more to give back to int8; "
        f"{report.replayed} of all from the journal"
    )
