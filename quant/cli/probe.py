"""numpot probe: which arithmetic the runtimes on this machine have."""

from typing import Annotated

import typer

from .common import Debug, Json, print_json, print_table, reports_errors


@reports_errors
def run(
    runtimes: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RUNTIME]...", help="openvino, onnxruntime; by default those that are installed"
        ),
    ] = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Find out whether OpenVINO and onnxruntime saturate on this processor, and which products they pair.

    Runs a small layer of every kind whose pairs of products clip, and prints which of numpot's arithmetics
    gives the same numbers.
    """
    from ..vendors.probe import installed_runtimes, probe

    found = [probe(name) for name in runtimes or installed_runtimes()]
    if json:
        print_json({p.runtime: p.as_json() for p in found})
        return
    for p in found:
        print(f"{p.does}: `{p.arithmetic}`")
    layers = dict.fromkeys(layer for p in found for layer in p.fits)
    rows = [[kind, sign, *(p.as_text(kind, sign) for p in found)] for kind, sign in layers]
    print_table(
        "arithmetic by kind of layer", ["layer", "codes", *(p.runtime for p in found)], rows, numbers_from=9
    )
