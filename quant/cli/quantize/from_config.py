"""numpot quantize --config: what a configuration file asks for, as the command runs it."""

from pathlib import Path
from typing import Any

import typer

from numpot.ir.errors import NumpotError

from ..common import open_model
from ..suggestions import Source
from .job import DEFAULT_METRIC, Job

#: What may stand on the command line beside --config; everything else belongs in the file.
BESIDE = frozenset(
    {
        "model",
        "data",
        "output",
        "classes",
        "config",
        "statistics_cache",
        "workers",
        "scheduler",
        "json",
        "debug",
    }
)


def read_job(
    context: typer.Context, config: str, model: str | None, data: str | None, output: str | None
) -> Job:
    """model, data, output: what the command line says, which goes before the file. Raises NumpotError."""
    from numpot.ir.formats.model_files import check_savable

    from ...data.sources import open_data
    from ...pot.config import read_config
    from ...pot.config_parameters import AccuracyAware

    _refuse_others(context)
    wanted = read_config(Path(config))
    params = wanted.params
    if params.ignored.skip_model:
        raise NumpotError(f"{config}: ignored.skip_model is true, so there is nothing to quantize")
    if params.dump_intermediate_model:
        raise NumpotError(
            f"{config}: dump_intermediate_model is for numpot.quant.pot; here, run with correct_biases "
            "off instead"
        )
    mean, std = (",".join(map(str, v)) if v else None for v in (wanted.engine.mean, wanted.engine.std))
    path = model or wanted.model.model
    graph = open_model(path, mean, std)
    graph.name = wanted.model.model_name or graph.name
    source = data or wanted.engine.data_source
    loader = open_data(source, graph, classes=context.params["classes"])
    name = wanted.model.model_name or Path(path).stem
    target = output or str(Path("results") / f"{name}_{wanted.algorithm}" / "optimized" / f"{name}.xml")
    if output is None:
        Path(target).parent.mkdir(parents=True, exist_ok=True)
    check_savable(target, context.params["to"], read=[path, source])
    options: dict[str, Any] = {
        "statistics_cache": context.params["statistics_cache"],
        **params.options(len(loader)),
    }
    metrics: list[str] = []
    if isinstance(params, AccuracyAware):
        options |= params.search_options(len(loader)) | params.measuring_options()
        metrics = params.metric_names or [DEFAULT_METRIC]
    return Job(
        graph,
        loader,
        target,
        options,
        metrics,
        wanted.resolved(),
        path,
        Source(source, mean, std, context.params["classes"]),
    )


def _refuse_others(context: typer.Context) -> None:
    for name in context.params:
        source = context.get_parameter_source(name)
        if name not in BESIDE and source is not None and source.name == "COMMANDLINE":
            raise NumpotError(
                f"--{name.replace('_', '-')} and --config exclude each other; set it in the file"
            )
