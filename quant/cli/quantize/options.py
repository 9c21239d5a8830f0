"""The options of numpot quantize: what each is called, and what help says of it."""

from typing import Annotated, Literal

import typer

from ..common import DATA_HELP, MODEL_HELP

METRICS_HELP = (
    "accuracy@K, agreement, f1, precision, recall, miou, map, rmse, mae, cosine, or module:Class of a Metric"
)
SETTINGS = (
    "how weights are quantized: bits=4, mode=asymmetric, range_estimator.max.type=quantile (repeatable)"
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

# ---- of all methods ----------------------------------------------------------------------------------------

Preset = Annotated[
    Literal["performance", "mixed", "accuracy", "best"],
    typer.Option(
        "--preset",
        help="symmetric; asymmetric activations, or weights too; or what was measured to help beyond POT",
    ),
]
ModelType = Annotated[
    Literal["transformer"] | None,
    typer.Option("--model-type", help="leave what surrounds a transformer's products in float"),
]
TargetDevice = Annotated[
    Literal["ANY", "CPU", "CPU_SPR", "GPU"],
    typer.Option("--target-device", help="whose table of schemes to use"),
]
SubsetSize = Annotated[
    int, typer.Option("--subset-size", min=1, metavar="N", help="samples to calibrate with")
]
SaturationFix = Annotated[
    Literal["first_layer", "all", "no", "auto", "auto-strict"],
    typer.Option("--saturation-fix", help="which layers get narrower weights; auto: as little as needed"),
]
FastBias = Annotated[
    bool,
    typer.Option(
        "--fast-bias/--no-fast-bias",
        help="correct each bias by itself, or layer after layer: slower and better",
    ),
]
Ignore = Annotated[
    list[str] | None, typer.Option("--ignore", metavar="LAYER", help="leave this layer in float (repeatable)")
]
IgnoreType = Annotated[
    list[str] | None, typer.Option("--ignore-type", metavar="TYPE", help="leave this operator in float")
]
EqualizeChannels = Annotated[
    bool,
    typer.Option(
        "--equalize-channels", help="scale channels beforehand so that they share their codes evenly"
    ),
]
StrictPot = Annotated[
    bool,
    typer.Option(
        "--strict-pot/--no-strict-pot", help="correct biases by POT's rules, or also those that hold a zero"
    ),
]
Weights = Annotated[list[str] | None, typer.Option("--weights", metavar="KEY=VALUE", help=SETTINGS)]
Activations = Annotated[
    list[str] | None, typer.Option("--activations", metavar="KEY=VALUE", help="likewise, of activations")
]
RangeEstimator = Annotated[
    Literal["default", "quantile", "percentile", "mse", "layer_noise", "auto"] | None,
    typer.Option("--range-estimator", help="for weights and activations, where they do not say otherwise"),
]
BatchSize = Annotated[
    int, typer.Option("--batch-size", min=1, metavar="N", help="samples at once; results do not depend on it")
]
InplaceStatistics = Annotated[
    bool,
    typer.Option(
        "--inplace-statistics/--no-inplace-statistics",
        help="keep at most 512 values a channel where medians are wanted",
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
Shuffle = Annotated[bool, typer.Option("--shuffle", help="take random samples instead of the first")]
Seed = Annotated[int, typer.Option("--seed", help="seed of --shuffle")]

# ---- of --method accuracy-aware ----------------------------------------------------------------------------

Metrics = Annotated[
    list[str] | None,
    typer.Option("--metric", metavar="M", help=METRICS_HELP + " (repeatable)", rich_help_panel=PANEL),
]
MaxDrop = Annotated[
    float,
    typer.Option(
        "--max-drop", metavar="D", help="drop of each metric that is allowed", rich_help_panel=PANEL
    ),
]
DropType = Annotated[
    Literal["absolute", "relative"],
    typer.Option("--drop-type", help="in the metric's units, or a share of its value", rich_help_panel=PANEL),
]
Baseline = Annotated[
    list[str] | None,
    typer.Option(
        "--baseline",
        metavar="M=VALUE",
        help="the float model's value, if it is known (repeatable)",
        rich_help_panel=PANEL,
    ),
]
MaxIterations = Annotated[
    int | None,
    typer.Option(
        "--max-iterations",
        min=1,
        metavar="N",
        help="groups of layers to try; all by default",
        rich_help_panel=PANEL,
    ),
]
RankingSubsetSize = Annotated[
    int,
    typer.Option(
        "--ranking-subset-size", min=1, metavar="N", help="samples to rank groups by", rich_help_panel=PANEL
    ),
]
RankBy = Annotated[
    Literal["metric", "sqnr"],
    typer.Option("--rank-by", help="the metric, or the noise in the outputs", rich_help_panel=PANEL),
]
Search = Annotated[
    Literal["best", "pot"],
    typer.Option("--search", help="the best model seen, or POT's steps to the letter", rich_help_panel=PANEL),
]
Cost = Annotated[
    Literal["multiply-adds", "bytes", "time"],
    typer.Option(
        "--cost",
        help="what a layer in float costs: spend the drop where this is lost least",
        rich_help_panel=PANEL,
    ),
]
Precisions = Annotated[
    list[str] | None,
    typer.Option(
        "--precision",
        help="what a group may get: float, or narrower weights: 7-bit, safe (repeatable)",
        rich_help_panel=PANEL,
    ),
]
Arithmetic = Annotated[
    Literal["exact", "saturating", "saturating-avx512", "saturating-onnxruntime"],
    typer.Option(
        "--arithmetic",
        help="of the int8 models measured: saturating is that of a CPU without VNNI",
        rich_help_panel=PANEL,
    ),
]
TuneHyperparams = Annotated[
    bool,
    typer.Option(
        "--tune-hyperparams",
        help="try a grid of range estimators before any layer goes to float",
        rich_help_panel=PANEL,
    ),
]
ConvertToMixed = Annotated[
    bool,
    typer.Option(
        "--convert-to-mixed-preset",
        help="try preset mixed before any layer goes to float",
        rich_help_panel=PANEL,
    ),
]
AnnotationFree = Annotated[
    bool,
    typer.Option("--annotation-free", help="take the float model's answers as labels", rich_help_panel=PANEL),
]
AnnotationConfThreshold = Annotated[
    float,
    typer.Option(
        "--annotation-conf-threshold",
        min=0,
        max=1,
        metavar="P",
        help="least probability of such a label",
        rich_help_panel=PANEL,
    ),
]
MetricSubsetRatio = Annotated[
    float,
    typer.Option(
        "--metric-subset-ratio",
        metavar="R",
        help="share to rank on if baselines are given",
        rich_help_panel=PANEL,
    ),
]
UsePrevIfDropIncrease = Annotated[
    bool,
    typer.Option(
        "--use-prev-if-drop-increase/--keep-drop-increase",
        help="with --search pot: step back or not",
        rich_help_panel=PANEL,
    ),
]
CalibrationData = Annotated[
    str | None,
    typer.Option(
        "--calibration-data", metavar="D", help="other samples to calibrate with", rich_help_panel=PANEL
    ),
]
