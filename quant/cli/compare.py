"""numpot compare: a model in two runtimes, or two models, layer by layer: where they first differ, by how
much, and why.
"""

from typing import TYPE_CHECKING, Annotated

import typer

from numpot.ir.errors import counted
from numpot.ir.lowering.arithmetics import IntegerArithmetic

from .common import (
    Data,
    Debug,
    Json,
    Limit,
    Mean,
    Model,
    Std,
    open_model,
    print_json,
    print_table,
    reports_errors,
)
from .suggestions import Source, sqnr_command

if TYPE_CHECKING:
    from numpot.ir import Graph
    from numpot.quant.compare import Comparison

FLOAT = "fp32"
SAMPLES = 32


@reports_errors
def run(
    model: Model,
    data: Data,
    with_: Annotated[
        str,
        typer.Option(
            "--with",
            metavar="R",
            help="the reference: openvino or onnxruntime, which run MODEL itself; another model's file, "
            "usually the float model that MODEL was made from; or fp32, which is MODEL without its "
            "FakeQuantize operators and with its weights as they are",
        ),
    ],
    arithmetic: Annotated[
        IntegerArithmetic | None,
        typer.Option(
            "--arithmetic",
            help="arithmetic of MODEL: exact, or that of OpenVINO or onnxruntime on a CPU without VNNI; "
            "by default the runtime's on this processor, or exact if two models are compared",
        ),
    ] = None,
    limit: Limit = SAMPLES,
    html: Annotated[
        str | None, typer.Option("--html", metavar="FILE", help="write a report as one HTML page")
    ] = None,
    mean: Mean = None,
    std: Std = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Compare a model layer by layer with a vendor's runtime or with another model.

    Prints where the two first differ, how much error each layer adds, and the likely cause.
    """
    import warnings
    from pathlib import Path

    from numpot.quant.compare import StructureError, compare_models, compare_with_vendor
    from numpot.quant.compare.forcing import without_fake_quantize

    from ..data.sources import open_data
    from ..metrics.not_finite import NotFiniteWarning
    from ..vendors.registry import VENDORS

    warnings.simplefilter("ignore", NotFiniteWarning)  # a note says it
    graph = open_model(model, mean, std)
    loader = open_data(data, graph)
    if html is not None:
        from numpot.quant.compare.report import check_report

        check_report(Path(html))
    if with_ in VENDORS:
        found = compare_with_vendor(
            graph, with_, loader, arithmetic=arithmetic, limit=limit, progress=not json
        )
    else:
        other = without_fake_quantize(graph) if with_ == FLOAT else _open_reference(with_, mean, std)
        try:
            found = compare_models(
                graph, other, loader, arithmetic=arithmetic or "exact", limit=limit, progress=not json
            )
        except StructureError as error:
            if not _have_same_ends(graph, other):
                raise
            instead = sqnr_command(model, with_, Source(data, mean, std, limit=limit))
            raise StructureError(f"{error}. To compare their answers alone: {instead}") from error
        found.reference = f"{model} without FakeQuantize" if with_ == FLOAT else with_
    found.model = model
    if html is not None:
        from numpot.quant.compare.report import write_report

        write_report(found, Path(html))
    if json:
        print_json(found.as_json())
    else:
        _print(found)
        if html is not None:
            print(f"Report: {html}")


def _have_same_ends(graph: "Graph", other: "Graph") -> bool:
    """Whether inputs are called alike, and outputs correspond in shape, so that answers can be compared."""
    inputs = [{n.name for n in g.inputs} for g in (graph, other)]
    outputs = [
        {n.name if len(g.outputs) > 1 else "": n.output.shape[1:] for n in g.outputs} for g in (graph, other)
    ]
    return inputs[0] == inputs[1] and outputs[0] == outputs[1]


def _open_reference(name: str, mean: str | None, std: str | None) -> "Graph":
    from pathlib import Path

    from numpot.ir.ops.common.operator import nearest
    from numpot.quant.compare import CompareError

    from ..vendors.registry import VENDORS

    if not Path(name).exists():
        known = (*VENDORS, FLOAT)
        raise CompareError(
            f"--with must be {', '.join(known)} or a model file, found {name!r}" + nearest(name, known)
        )
    return open_model(name, mean, std)


def _print(found: "Comparison") -> None:
    samples = counted(found.samples, "sample")
    title = f"{found.model} ({found.arithmetic}) against {found.reference}, {samples}"
    print_table(title, found.columns, found.rows, numbers_from=2)
    for note in found.notes:
        print(f"note: {note}")
    from numpot.quant.compare.results import decibels

    first, worst = found.first_difference, found.worst
    if first is None:
        print("no element differs")
        return
    print(
        f"first difference: {first.name}"
        + (f" ({first.cause.label}: {first.cause.detail})" if first.cause else "")
    )
    if worst is not None and not found.same_model:
        assert worst.cause is not None
        print(
            f"hurts most: {worst.name}, SQNR {decibels(worst.isolated.sqnr_db)} by itself "
            f"({worst.cause.label}: {worst.cause.detail})"
        )
