"""numpot convert: a model from one format into another, simplified on the way."""

from typing import Annotated

import typer

from numpot.ir.errors import NumpotError, counted

from .common import Debug, Json, Mean, Std, To, print_json, record_preprocessing, reports_errors


@reports_errors
def run(
    source: Annotated[
        str, typer.Argument(metavar="SRC", help="an ONNX model, an OpenVINO IR, or a numpot .xml")
    ],
    destination: Annotated[
        str, typer.Argument(metavar="DST", help="the .xml to write, with its .bin beside it, or the .onnx")
    ],
    to: To = None,
    input_shape: Annotated[
        list[str] | None,
        typer.Option(
            "--input-shape",
            metavar="NAME=N,C,H,W",
            help="fix the shape of an input; -1 leaves the batch open",
        ),
    ] = None,
    mean: Mean = None,
    std: Std = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Convert a model to numpot's IR, or to another format.

    Folds batch norm and constants, drops dead layers and keeps names. A quantized model is written to ONNX
    with QuantizeLinear and DequantizeLinear, which onnxruntime and OpenVINO run on integers.
    """
    from numpot.ir import read_model, save_model
    from numpot.ir.formats.model_files import check_savable

    check_savable(destination, to, read=[source])
    graph = read_model(source, input_shapes=_shapes(input_shape or []))
    record_preprocessing(graph, mean, std)
    save_model(graph, destination, to)
    layers = sum(node.type != "Constant" for node in graph)
    if json:
        print_json({"output": destination, "layers": layers})
    else:
        print(f"{destination}: {counted(layers, 'layer')}")


def _shapes(options: list[str]) -> dict[str, tuple[int, ...]]:
    shapes = {}
    for option in options:
        name, separator, dims = option.rpartition("=")
        try:
            shapes[name] = tuple(int(d) for d in dims.split(","))
        except ValueError:
            separator = ""
        if not separator:
            raise NumpotError(f"--input-shape must look like x=1,3,224,224, found {option!r}")
    return shapes
