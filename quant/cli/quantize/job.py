"""What numpot quantize is to do, read from its options; from_config.py reads the same from a file."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import typer

from numpot.ir.errors import NumpotError

from ...settings.accuracy_aware_options import MeasuringOptions, SearchOptions
from ...settings.quantize_options import QuantizeOptions
from ..common import open_model
from ..option_flags import given_options, with_flag
from ..suggestions import Source

if TYPE_CHECKING:
    from numpot.ir import Graph

    from ...data.model_data import ModelData

DEFAULT_METRIC: Final = "accuracy@1"
#: What --method accuracy-aware takes beside its declared options.
OF_METHOD: Final = ("metric", "calibration_data")


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
    options = {"statistics_cache": given["statistics_cache"]} | given_options(QuantizeOptions, given)
    samples = open_data(data, graph, classes=given["classes"])
    source = Source(data, given["mean"], given["std"], given["classes"])
    if given["method"] == "default":
        return Job(graph, samples, output, options, model=model, source=source)
    options |= given_options(SearchOptions, given) | given_options(MeasuringOptions, given)
    options["calibration_data"] = (
        open_data(given["calibration_data"], graph) if given["calibration_data"] else None
    )
    return Job(
        graph, samples, output, options, given["metric"] or [DEFAULT_METRIC], model=model, source=source
    )


def _refuse_unused(context: typer.Context) -> None:
    """Options of the accuracy-aware method mean nothing without it."""
    declared = [*with_flag(SearchOptions), *with_flag(MeasuringOptions)]
    for name in (*OF_METHOD, *(one.option.parameter for one in declared)):
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            raise NumpotError(
                f"--{name.replace('_', '-')} is for --method accuracy-aware; add that, or leave it out"
            )
