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
from collections.abc import Iterator, Mapping, Sequence
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
from .data.sources import DataLoader, ModelData, subset
from .defaults import CALIBRATION_BATCH, STAT_SUBSET_SIZE, ModelType, Preset, SaturationFix, TargetDevice
from .errors import QuantizationError
from .findings.findings import note
from .layers.weighted_layers import prepare
from .parallel.pool import Alone, Pool
from .ranges.schemes import SATURATING_DEVICES
from .settings.arguments import as_loader
from .settings.best_preset import with_best
from .settings.option_types import read_option
from .settings.parameters import Parameters, check, read_parameters
from .statistics.cache import open_cache
from .statistics.collection import Samples
from .weights.measure_saturation import measure_saturation
from .weights.saturation_fix import fitting_factor, weight_factors

log = logging.getLogger("numpot")


def quantize(
    graph: Graph | AnyPath,
    data: DataLoader | AnyPath,
    *,
    preset: Preset = "performance",
    target_device: TargetDevice = "ANY",
    stat_subset_size: int = STAT_SUBSET_SIZE,
    stat_batch_size: int = CALIBRATION_BATCH,
    shuffle_data: bool = False,
    seed: int = 0,
    inplace_statistics: bool = True,
    statistics_cache: str | PathLike[str] | None = None,
    weights: Mapping[str, Any] | None = None,
    activations: Mapping[str, Any] | None = None,
    range_estimator: str | Mapping[str, Any] | None = None,
    model_type: ModelType | None = None,
    use_fast_bias: bool = True,
    threshold: float | None = None,
    apply_for_all_nodes: bool = False,
    saturation_fix: SaturationFix = "first_layer",
    ignored_scope: Sequence[str] = (),
    ignored_types: Sequence[str] = (),
    ignored_operations: Sequence[Mapping[str, Any]] = (),
    align_channels: bool = True,
    equalize_channels: bool = False,
    correct_biases: bool = True,
    strict_pot: bool = True,
    progress: bool = False,
    pool: Pool | None = None,
) -> Graph:
    """Default Quantization: a float model and some hundred samples in, an int8 model out. The graph given is
    not changed.

    graph, data: or their paths, which are opened.

    preset: `performance` (symmetric), `mixed` (asymmetric activations), `accuracy` (asymmetric weights too;
    those layers then run in float) or `best` (what was measured to help beyond POT: best_preset.py).
    target_device: ANY, CPU, CPU_SPR or GPU. stat_subset_size: how many samples to calibrate with; the first
    ones, or with shuffle_data a random choice that `seed` decides. stat_batch_size: how many at once; results
    do not depend on it. inplace_statistics: False keeps a value per sample where medians are wanted, instead
    of at most 512. statistics_cache: a folder for the statistics, so that a run that was killed goes on, and
    another preset need not start again. weights, activations: {bits, mode, granularity, level_low,
    level_high, range_estimator} where they shall differ from the preset's. range_estimator: {preset, min,
    max} for both, or the preset alone (docs/calibration.md lists everything). model_type: `transformer`
    leaves what stands around its matrix products in float. use_fast_bias: correct each bias by itself for the
    rounding of weights; False: layer after layer, slower and better. threshold: how much a bias may change,
    as a factor of itself; by default 2, and 1000 layer after layer. With strict_pot only.
    apply_for_all_nodes: correct layers whose weights stay in float, too. saturation_fix: which layers get
    narrower weights, so that nothing saturates on CPUs without VNNI: `first_layer` and `all` give them 7
    bits, as POT does; `auto` narrows the layers that clip on the samples, `auto-strict` all that could, each
    channel only as far as needed. POT's two act for target devices ANY and CPU only. ignored_scope,
    ignored_types, ignored_operations: names of layers, types of operators, and {"type", "attributes"} of
    operators, that stay in float. align_channels, correct_biases: False leaves these stages out.
    equalize_channels: scale channels beforehand, through everything that hands a scale on. strict_pot:
    correct biases by POT's rules, which leave every layer alone whose bias has a zero in it; False: by
    numpot's (docs/differences.md). progress: show bars on stderr. pool: who shares the work, of
    `distributed.open_pool`; by default this process alone.

    Returns a graph with FakeQuantize on activations and int8 weights; `info["quantization"]` says how it was
    made, and `info["classes"]` which label each class has, if the data was opened with classes. Raises
    QuantizationError for a model that cannot be quantized, DataError for data that does not fit it; both
    before any inference. Source: POT 2023.3, DefaultQuantization.
    """
    settings = read_parameters(
        preset=preset,
        target_device=target_device,
        stat_subset_size=stat_subset_size,
        stat_batch_size=stat_batch_size,
        shuffle_data=shuffle_data,
        seed=seed,
        inplace_statistics=inplace_statistics,
        weights=weights,
        activations=activations,
        range_estimator=range_estimator,
        model_type=model_type,
        use_fast_bias=use_fast_bias,
        threshold=threshold,
        apply_for_all_nodes=apply_for_all_nodes,
        saturation_fix=saturation_fix,
        ignored_scope=ignored_scope,
        ignored_types=ignored_types,
        ignored_operations=ignored_operations,
        align_channels=align_channels,
        equalize_channels=equalize_channels,
        correct_biases=correct_biases,
        strict_pot=strict_pot,
    )
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
