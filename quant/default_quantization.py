"""DefaultQuantization: the whole of it, in the order it happens (docs/calibration.md).

1. prepare     float32 constants, weights by output channel, a bias on every convolution
                                                              layers/weighted_layers.py
2. equalize    channels, if asked: one scale then suits all   channels/equalization.py
3. place       quantizers where the hardware runs in int8     placement/placement.py
4. calibrate   statistics of those tensors and of biases      statistics/, asked by calibration.py
               (channels of pairs of layers are aligned       channels/aligned_statistics.py
               meanwhile)
5. ranges      statistics -> bounds of each FakeQuantize      ranges/activation_bounds.py
6. weights     to int8, 7 bits where pairs could saturate     weights/apply_quantizers.py
7. biases      get back the mean that rounding took           biases/stage.py
8. assemble    the int8 graph from these numbers              assembly.py

`run_stages` is these eight lines. `quantize` checks what it was given before them; after them it looks at the
result: layers that were lost; what scopes and inputs did (findings/findings.py).
"""

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from os import PathLike
from typing import Any

from numpot.ir.arguments import shown
from numpot.ir.errors import AnyPath
from numpot.ir.formats.model_files import as_graph
from numpot.ir.graph import Graph

from .assembly import Assembly
from .best_preset import with_best
from .biases.stage import correct_biases
from .calibration import calibrate
from .channels.equalization import equalize_channels
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
from .parameters import Parameters, check, read_parameters
from .placement.placement import place_quantizers
from .ranges.activation_bounds import activation_bounds
from .settings.arguments import as_loader
from .settings.option_types import read_option
from .settings.quantize_options import QuantizeOptions
from .settings.signature import takes_options
from .statistics.cache import open_cache
from .statistics.collection import Samples
from .weights.apply_quantizers import round_weights
from .weights.measure_saturation import clipping_layers
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
    `numpot.quant.open_pool`; by default this process alone. options: declared in
    settings/quantize_options.py; docs/options.md has a table of them.

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
        assembly = run_stages(graph, samples, settings)
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
            # reading costs little, and a NaN in the last sample should not cost the whole run
            for i in range(len(loader)):
                reading[i]
        else:
            cache = stack.enter_context(
                open_cache(statistics_cache, model_digest(graph), len(loader), data_digest(reading))
            )
        for doubt in doubts(graph, reading.found):
            log.warning("%s", doubt)
        yield Samples(loader, settings.stat_batch_size, progress, cache, pool or Alone(), reading.found)


def run_stages(graph: Graph, samples: Samples, settings: Parameters) -> Assembly:
    """The eight stages; the assembly that comes out builds the int8 model. settings: that passed `check`."""
    settings = with_best(settings)
    model = graph.copy()
    prepare(model)  # 1
    if settings.equalize_channels:
        equalize_channels(model, settings.quantizers(model), samples)  # 2
    quantizers = place_quantizers(model, settings.ignored, settings.target_device)  # 3
    calibration = calibrate(model, quantizers, samples, settings)  # 4
    bounds = activation_bounds(calibration.ranges)  # 5
    factors = weight_factors(model, settings.saturation_fix, calibration.aligned, settings.target_device)
    while True:
        weights = round_weights(model, settings, factors)  # 6
        biases = correct_biases(model, weights.seen, calibration.means, samples, settings)  # 7
        result = Assembly(model, settings, bounds, weights.codes, weights.narrowed, biases, len(samples))  # 8
        clipping: set[str] = set()
        if settings.saturation_fix == "auto":
            clipping = clipping_layers(result.build(), samples) - factors.keys()
        if not clipping:
            return result
        factors |= dict.fromkeys(clipping, fitting_factor)  # 6 to 8 again: these may make others clip
