"""What numpot quantize is to do, read from its options; from_config.py reads the same from a file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import typer

from numpot.ir.errors import NumpotError

from ..common import open_model, read_settings
from ..suggestions import Source

if TYPE_CHECKING:
    from numpot.ir import Graph

    from ...data.sources import ModelData

DEFAULT_METRIC: Final = "accuracy@1"
#: Options that mean something with --method accuracy-aware only -> the keyword argument of
#: `quantize_accuracy_aware`.
ACCURACY_AWARE: Final = {
    "metric": None,  # these three are read in other ways
    "calibration_data": None,
    "baseline": None,
    "max_drop": "max_drop",
    "drop_type": "drop_type",
    "max_iterations": "max_iter_num",
    "ranking_subset_size": "ranking_subset_size",
    "rank_by": "rank_by",
    "search": "search",
    "cost": "cost",
    "precision": "precisions",
    "arithmetic": "arithmetic",
    "tune_hyperparams": "tune_hyperparams",
    "convert_to_mixed_preset": "convert_to_mixed_preset",
    "annotation_free": "annotation_free",
    "annotation_conf_threshold": "annotation_conf_threshold",
    "metric_subset_ratio": "metric_subset_ratio",
    "use_prev_if_drop_increase": "use_prev_if_drop_increase",
}
#: Options of all methods -> the keyword argument of `quantize`.
DEFAULT: Final = {
    "preset": "preset",
    "model_type": "model_type",
    "target_device": "target_device",
    "subset_size": "stat_subset_size",
    "batch_size": "stat_batch_size",
    "range_estimator": "range_estimator",
    "inplace_statistics": "inplace_statistics",
    "statistics_cache": "statistics_cache",
    "saturation_fix": "saturation_fix",
    "fast_bias": "use_fast_bias",
    "equalize_channels": "equalize_channels",
    "strict_pot": "strict_pot",
    "shuffle": "shuffle_data",
    "seed": "seed",
}


@dataclass(frozen=True)
class Job:
    """A model, its samples, where the result goes, and the keyword arguments of `quantize`, or of
    `quantize_accuracy_aware` if there are names of metrics. resolved: a configuration with every default, if
    there is one. model, source: what was given to read them from."""

    graph: "Graph"
    data: "ModelData"
    output: str
    options: dict[str, Any]
    metrics: Sequence[str] = ()
    resolved: dict[str, Any] = field(default_factory=dict)
    model: str = ""
    source: Source | None = None


def job_from_options(context: typer.Context) -> Job:
    """Raises NumpotError."""
    from numpot.ir.formats.model_files import check_savable

    from ...data.sources import open_data

    given = context.params
    model, data, output = given["model"], given["data"], given["output"]
    if model is None or data is None or output is None:
        missing = "MODEL" if model is None else "--data" if data is None else "--output"
        raise NumpotError(
            f"{missing} is missing: give MODEL, --data and --output, or a --config that names them"
        )
    check_savable(output, given["to"], read=[model, data, given["calibration_data"]])
    if given["method"] == "default":
        _refuse_unused(context)
    graph = open_model(model, given["mean"], given["std"])
    options = {name: given[option] for option, name in DEFAULT.items()}
    options |= {name: read_settings(f"--{name}", given[name] or ()) for name in ("weights", "activations")}
    options |= {"ignored_scope": given["ignore"] or (), "ignored_types": given["ignore_type"] or ()}
    samples = open_data(data, graph, classes=given["classes"])
    source = Source(data, given["mean"], given["std"], given["classes"])
    if given["method"] == "default":
        return Job(graph, samples, output, options, model=model, source=source)
    options |= {name: given[option] for option, name in ACCURACY_AWARE.items() if name is not None}
    options["precisions"] = options["precisions"] or ("float",)
    options["baseline"] = _baseline(given["baseline"] or ())
    options["calibration_data"] = (
        open_data(given["calibration_data"], graph) if given["calibration_data"] else None
    )
    return Job(
        graph, samples, output, options, given["metric"] or [DEFAULT_METRIC], model=model, source=source
    )


def _baseline(entries: Sequence[str]) -> Mapping[str, float] | None:
    """["accuracy@1=0.92"] -> values by name of the metric."""
    values = {}
    for entry in entries:
        name, _, text = entry.rpartition("=")
        try:
            values[name] = float(text)
        except ValueError:
            raise NumpotError(f"--baseline must look like accuracy@1=0.92, found {entry!r}") from None
    return values or None


def _refuse_unused(context: typer.Context) -> None:
    """Options of the accuracy-aware method mean nothing without it."""
    for name in ACCURACY_AWARE:
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            raise NumpotError(
                f"--{name.replace('_', '-')} is for --method accuracy-aware; add that, or leave it out"
            )
