"""What numpot quantize takes beside the declared options (settings/): files, and how to run."""

from typing import Annotated, Literal

import typer

from ..common import DATA_HELP, MODEL_HELP

METRICS_HELP = (
    "accuracy@K, agreement, f1, precision, recall, miou, map, rmse, mae, cosine, or module:Class of a Metric"
)
PANEL = "accuracy-aware"

Model = Annotated[str | None, typer.Argument(metavar="MODEL", help=MODEL_HELP)]
Data = Annotated[str | None, typer.Option("--data", metavar="D", help=DATA_HELP)]
Output = Annotated[
    str | None,
    typer.Option("--output", "-o", metavar="OUT", help="the .xml to write, its .bin beside it; or an .onnx"),
]
Config = Annotated[
    str | None,
    typer.Option(
        "--config",
        "-c",
        metavar="JSON",
        help="a configuration file in POT's shape: model, samples and parameters",
    ),
]
Method = Annotated[
    Literal["default", "accuracy-aware"],
    typer.Option(
        "--method", help="all to int8, or as much as the allowed drop of a metric permits (needs labels)"
    ),
]

StatisticsCache = Annotated[
    str | None,
    typer.Option(
        "--statistics-cache",
        metavar="DIR",
        help="keep statistics here: a run that was killed goes on, others reuse them",
    ),
]
Metrics = Annotated[
    list[str] | None,
    typer.Option("--metric", metavar="M", help=METRICS_HELP + " (repeatable)", rich_help_panel=PANEL),
]
CalibrationData = Annotated[
    str | None,
    typer.Option(
        "--calibration-data", metavar="D", help="other samples to calibrate with", rich_help_panel=PANEL
    ),
]
