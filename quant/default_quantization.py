"""DefaultQuantization: the whole of it, in the order it happens (docs/calibration.md).

1. prepare            float32 constants, weights by output channel, a bias on every convolution
2. equalize channels  if asked: so that one scale suits all channels       equalization.py
3. place quantizers   on the inputs of what the hardware runs in int8      placement.py
4. calibrate          statistics of those tensors and biases, while        calibration.py,
                      channels of pairs of layers are aligned              channel_alignment.py
5. ranges             statistics -> bounds of each FakeQuantize            activation_ranges.py, bounds.py
6. weights            to int8, 7 bits where pairs could saturate           int8_weights.py, saturation_fix.py
7. biases             get back the mean that rounding took                 stage.py
8. assemble           the int8 graph from these numbers                    assembly.py
9. look at it         layers that were lost; what scopes and inputs did    findings.py
"""

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from os import PathLike
from typing import Any

from numpot.ir.arguments import as_graph, shown
from numpot.ir.errors import AnyPath
from numpot.ir.graph import Graph

from .assembly import Assembly, assemble
from .calibration import calibrate
from .channels.channel_alignment import find_pairs
from .channels.equalization import Equalization
from .data.classes import record_classes
from .data.fingerprints import data_digest, model_digest
from .data.input_ranges import InputRanges, doubts
from .data.loader import DataLoader
from .data.model_data import ModelData
from .data.sources import subset
from .errors import QuantizationError
from .findings.findings import note
from .layers.weighted_layers import prepare
from .parallel.pool import Alone, Pool
from .ranges.schemes import SATURATING_DEVICES
from .settings.arguments import as_loader
from .settings.best_preset import with_best
from .settings.option_types import read_option
from .settings.parameters import Parameters, check, read_parameters
from .settings.quantize_options import QuantizeOptions
from .settings.signature import takes_options
from .statistics.cache import open_cache
from .statistics.collection import Samples
from .weights.measure_saturation import measure_saturation
from .weights.saturation_fix import fitting_factor, weight_factors

log = logging.getLogger("numpot")


@takes_options(QuantizeOptions)
def quantize(
    graph: Graph | AnyPath,
    data: DataLoader | AnyPath,
    *,
    statistics_cache: str | PathLike[str] | None = None,
    progress: bool = False,
    pool: Pool | None = None,
    **options: Any,
) -> Graph:
    """Default Quantization: a float model and some hundred samples in, an int8 model out. The graph given is
    not changed.

    graph, data: or their paths, which are opened.

    statistics_cache: a folder for the statistics, so that a run that was killed goes on, and another preset
    need not start again. progress: show bars on stderr. pool: who shares the work, of
    `distributed.open_pool`; by default this process alone. options: declared in settings/quantize_options.py;
    docs/options.md has a table of them.

    Returns a graph with FakeQuantize on activations and int8 weights; `info["quantization"]` says how it was
    made, and `info["classes"]` which label each class has, if the data was opened with classes. Raises
    QuantizationError for a model that cannot be quantized, DataError for data that does not fit it; both
    before any inference. Source: POT 2023.3, DefaultQuantization.
    """
    settings = read_parameters(**options)
    graph = as_graph(graph)
    check_arguments(statistics_cache, progress, pool)
    data = as_loader(data, graph)
    check(graph, settings)
    with open_samples(graph, data, settings, statistics_cache, progress, pool) as samples:
        assembly = calibrated(graph, samples, settings)
        int8 = assembly.build()
        note(int8, assembly, samples)
    record_classes(int8, data.classes if data.classes and data.classes.is_given else None)
    return int8


def check_arguments(statistics_cache: object, progress: object, pool: object) -> None:
    """Raises QuantizationError for what is beside the model and the options, and is not of the kind that it
    should be.
    """
    read_option(bool, "progress", progress)
    if statistics_cache is not None and not isinstance(statistics_cache, str | PathLike):
        raise QuantizationError(
            f"statistics_cache must be the path of a folder, found {shown(statistics_cache)}"
        )
    if pool is not None and not isinstance(pool, Pool):
        raise QuantizationError(f"pool must be one of distributed.open_pool, found {shown(pool)}")


@contextmanager
def open_samples(
    graph: Graph,
    data: DataLoader,
    settings: Parameters,
    statistics_cache: str | PathLike[str] | None,
    progress: bool,
    pool: Pool | None = None,
) -> Iterator[Samples]:
    """The samples to calibrate with. While it lasts no other process may use the cache. Raises
    QuantizationError, DataError.
    """
    loader = subset(
        ModelData(data, graph), settings.stat_subset_size, shuffle=settings.shuffle_data, seed=settings.seed
    )
    reading = InputRanges(loader)
    with ExitStack() as stack:
        if statistics_cache is None:
            cache = None
            for i in range(
                len(loader)
            ):  # reading costs little, and a NaN in the last sample should not cost the whole run
                reading[i]
        else:
            cache = stack.enter_context(
                open_cache(statistics_cache, model_digest(graph), len(loader), data_digest(reading))
            )
        for doubt in doubts(graph, reading.found):
            log.warning("%s", doubt)
        yield Samples(loader, settings.stat_batch_size, progress, cache, pool or Alone(), reading.found)


def calibrated(graph: Graph, samples: Samples, settings: Parameters) -> Assembly:
    """Everything up to the int8 model itself, which the assembly builds. settings: that passed `check`."""
    settings = with_best(settings)
    model = graph.copy()
    prepare(model)
    if settings.equalize_channels:
        _equalize_channels(model, samples, settings)
    if not settings.quantizers(model):
        raise QuantizationError(
            f"model {graph.name!r} has nothing to quantize: no operator that runs on integers is left "
            "in scope"
        )
    pairs = find_pairs(model) if settings.align_channels else []
    calibration = calibrate(model, pairs, samples, settings)
    mode = settings.saturation_fix
    if settings.target_device not in SATURATING_DEVICES and mode in ("first_layer", "all"):
        mode = "no"
    factors = weight_factors(model, mode, {pair.consumer.name for pair in pairs})
    assembly = assemble(model, settings, calibration, factors, samples)
    while mode == "auto" and (clipped := _clipping_layers(assembly.build(), samples) - factors.keys()):
        factors.update(
            dict.fromkeys(clipped, fitting_factor)
        )  # narrower weights here may make others clip, so look again
        assembly = assemble(model, settings, calibration, factors, samples)
    return assembly


# ---- channels ----------------------------------------------------------------------------------------------


def _equalize_channels(model: Graph, samples: Samples, settings: Parameters) -> None:
    """Give the channels of every tensor a like share of its codes, in place."""
    equalization = Equalization(model, settings.quantizers(model))
    samples.run(
        model,
        {tensor: [statistic] for tensor, statistic in equalization.wanted.items()},
        "equalizing channels",
    )
    equalization.apply()


# ---- the quantized graph -----------------------------------------------------------------------------------


def _clipping_layers(int8: Graph, samples: Samples) -> set[str]:
    """Names of the layers that clip on the calibration samples, on a CPU without VNNI, or that could and are
    not counted.
    """
    layers = measure_saturation(int8, samples.loader, progress=samples.progress)
    return {layer.name for layer in layers if layer.saturated.any() or layer.clips_elsewhere}
