"""DefaultQuantization: the whole of it, in the order it happens (docs/calibration.md).

1. prepare            float32 constants, weights by output channel, a bias on every convolution
2. align channels     between linear layers, so that one scale suits all channels          alignment.py
3. place quantizers   on the inputs of what the hardware computes on integers              insertion.py
4. calibrate          statistics of those tensors, and of biases, over the samples         statistics.py
5. ranges             statistics -> bounds of each FakeQuantize                            ranges.py
6. weights            to int8, on 7 bits where pairs of products could saturate            compression.py, saturation_fix.py
7. biases             get back the mean that rounding took                                 bias_correction.py
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np

from numpot.ir.graph import Graph, Node, Tensor
from numpot.ir.lowering import integer_layers
from numpot.ir.ops.fake_quantize import FakeQuantize

from . import alignment
from .bias_correction import Means, MeanStatistics, correct, correctable
from .compression import QuantizedWeights, insert_weights, quantize_weights
from .data import DataLoader, ModelData, batches, subset
from .defaults import (
    LEVELS,
    PRESETS,
    SATURATION_FIXES,
    STAT_SUBSET_SIZE,
    SYMMETRIC_WEIGHT_LEVELS,
    Preset,
    SaturationFix,
)
from .errors import QuantizationError
from .insertion import Quantizer, find_quantizers
from .layers import output_channel_axis_of_weights, prepare
from .progress import track
from .range_estimators import RangeEstimator
from .ranges import Bounds, asymmetric_range, symmetric_weight_range
from .saturation import measure_saturation
from .saturation_fix import WeightFactor, fitting_factor, weight_factors
from .statistics import Collector, collect

TargetDevice = Literal["ANY", "CPU"]
CALIBRATION_BATCH = 8  # samples in flight; results do not depend on it


@dataclass(frozen=True)
class Parameters:
    """What DefaultQuantization can be told; names and defaults are POT's."""

    preset: Preset
    target_device: TargetDevice
    stat_subset_size: int
    shuffle_data: bool
    seed: int
    use_fast_bias: bool
    saturation_fix: SaturationFix
    ignored_scope: list[str]
    ignored_types: list[str]


def quantize(
    graph: Graph,
    data: DataLoader,
    *,
    preset: Preset = "performance",
    target_device: TargetDevice = "ANY",
    stat_subset_size: int = STAT_SUBSET_SIZE,
    shuffle_data: bool = False,
    seed: int = 0,
    use_fast_bias: bool = True,
    saturation_fix: SaturationFix = "first_layer",
    ignored_scope: Sequence[str] = (),
    ignored_types: Sequence[str] = (),
    progress: bool = False,
) -> Graph:
    """Default Quantization: a float model and some hundred samples in, an int8 model out. The graph given is not changed.

    data: representative samples; labels are not needed.
    preset: `performance` (symmetric), `mixed` (asymmetric activations) or `accuracy` (asymmetric weights too).
    stat_subset_size: how many samples to use, the first ones, or with shuffle_data a random choice that `seed` decides.
    use_fast_bias: correct biases for the rounding of weights.
    saturation_fix: which layers get narrower weights, so that nothing saturates on CPUs without VNNI: `first_layer` and `all` give them 7
    bits, as POT does; `auto` narrows the layers that clip on the samples, `auto-strict` all that could, each channel only as far as needed.
    ignored_scope, ignored_types: names of layers, types of operators, that stay in float. progress: show bars on stderr.

    Returns a graph with FakeQuantize on activations and int8 weights; `info["quantization"]` says how it was made.
    Raises QuantizationError for a model that cannot be quantized, DataError for data that does not fit it; both before any inference.
    Source: POT 2023.3, DefaultQuantization.
    """
    settings = Parameters(
        preset, target_device, stat_subset_size, shuffle_data, seed, use_fast_bias, saturation_fix, list(ignored_scope), list(ignored_types)
    )
    check(graph, settings)
    samples = subset(ModelData(data, graph), stat_subset_size, shuffle=shuffle_data, seed=seed)
    for i in range(len(samples)):  # reading costs little against inference, and a NaN in the last sample should not cost the whole run
        samples[i]
    model = graph.copy()
    prepare(model)
    aligned = _align_channels(model, samples, progress)
    if not find_quantizers(model, ignored=ignored_scope, ignored_types=ignored_types):
        raise QuantizationError(f"model {graph.name!r} has nothing to quantize: no operator that runs on integers is left in scope")
    calibration = _calibrate(model, samples, settings, progress)
    factors = weight_factors(model, saturation_fix, {node.name for node in aligned})
    int8 = _build(model, settings, calibration, factors)
    while saturation_fix == "auto" and (clipped := _clipping_layers(int8, samples, progress) - factors.keys()):
        factors.update(dict.fromkeys(clipped, fitting_factor))  # narrower weights here may make others clip, so look again
        int8 = _build(model, settings, calibration, factors)
    return int8


def check(graph: Graph, settings: Parameters) -> None:
    """Everything that can be known to be wrong before the first sample is run."""
    _check_choice("preset", settings.preset, PRESETS)
    _check_choice("saturation_fix", settings.saturation_fix, SATURATION_FIXES)
    _check_choice("target_device", settings.target_device, ("ANY", "CPU"))
    if settings.preset == "accuracy" and settings.saturation_fix in ("auto", "auto-strict"):
        raise QuantizationError(
            f"saturation_fix {settings.saturation_fix!r} is for symmetric weights, and preset 'accuracy' makes asymmetric ones; "
            "they run in float and cannot saturate. Use 'no'"
        )
    if settings.stat_subset_size < 1:
        raise QuantizationError(f"stat_subset_size must be at least 1, found {settings.stat_subset_size}")
    for node in graph:
        if node.type in ("FakeQuantize", "Quantize", "ConvolutionInteger", "MatMulInteger"):
            raise QuantizationError(f"model {graph.name!r} is already quantized: it holds {node.type} {node.name!r}. Give the float model")
        value = node.outputs[0].constant if node.outputs else None
        if value is not None and value.dtype.kind == "f" and not np.isfinite(value).all():
            raise QuantizationError(f"constant {node.name!r} of model {graph.name!r} holds NaN or infinity; repair the model first")
    for name in settings.ignored_scope:
        if name not in graph.nodes:
            raise QuantizationError(f"ignored_scope: model {graph.name!r} has no layer {name!r}")
    for kind in settings.ignored_types:
        if not graph.of_type(kind):
            raise QuantizationError(f"ignored_types: model {graph.name!r} has no layer of type {kind!r}")


def _check_choice(name: str, value: object, choices: Sequence[str]) -> None:
    if value not in choices:
        raise QuantizationError(f"{name} must be one of {', '.join(choices)}, found {value!r}")


# ---- calibration ---------------------------------------------------------------------------------------------------------------


def _align_channels(model: Graph, samples: DataLoader, progress: bool) -> set[Node]:
    """Align every pair that can be, in place; returns the consumers, whose weights may have grown."""
    pairs = alignment.find_pairs(model)
    wanted: dict[Tensor, list[Collector]] = {pair.between: [pair.low, pair.high] for pair in pairs}
    if pairs:
        collect(model, _inputs(samples, model, progress, "aligning channels"), wanted)
    for pair in pairs:
        alignment.align(model, pair)
    return {pair.consumer for pair in pairs}


@dataclass(frozen=True)
class Calibration:
    """What the samples said, by name: bounds of each activation quantizer, and the means that each bias correction needs."""

    bounds: dict[str, Bounds]
    means: dict[str, Means]
    samples: int


def _calibrate(model: Graph, samples: DataLoader, settings: Parameters, progress: bool) -> Calibration:
    quantizers = find_quantizers(model, ignored=settings.ignored_scope, ignored_types=settings.ignored_types)
    ranges = {q: RangeEstimator(q, settings.preset) for q in quantizers if not q.is_weight}
    layers = [q.uses[0].node for q in quantizers if q.is_weight]
    means = {n: MeanStatistics(n) for n in correctable(layers)} if settings.use_fast_bias else {}
    wanted: dict[Tensor, list[Collector]] = {}
    for r in ranges.values():
        wanted.setdefault(r.tensor, []).extend([r.low, r.high])
    for layer, m in means.items():
        wanted.setdefault(layer.inputs[0], []).append(m.input)
        wanted.setdefault(layer.output.consumers[0].node.output, []).append(m.output)
    collect(model, _inputs(samples, model, progress, "calibrating"), wanted)
    bounds = _unify({q: r.bounds() for q, r in ranges.items()})
    return Calibration({q.name: b for q, b in bounds.items()}, {n.name: m.values for n, m in means.items()}, len(samples))


def _inputs(samples: DataLoader, model: Graph, progress: bool, description: str) -> Iterator[Mapping[str, np.ndarray]]:
    with track(len(samples), description, quiet=not progress) as advance:
        for batch in batches(samples, model, CALIBRATION_BATCH):
            yield batch.inputs
            advance(len(batch.indices))


def _unify(bounds: dict[Quantizer, Bounds]) -> dict[Quantizer, Bounds]:
    """Members of a group share the widest bounds among them."""
    return {
        q: (np.min([bounds[m][0] for m in q.group], axis=0), np.max([bounds[m][1] for m in q.group], axis=0)) if len(q.group) > 1 else b
        for q, b in bounds.items()
    }


def _clipping_layers(int8: Graph, samples: DataLoader, progress: bool) -> set[str]:
    """Names of the layers that clip on the calibration samples, on a CPU without VNNI."""
    return {layer.name for layer in measure_saturation(int8, samples, progress=progress) if layer.saturated.any()}


# ---- the quantized graph -------------------------------------------------------------------------------------------------------


def _build(prepared: Graph, settings: Parameters, calibration: Calibration, factors: Mapping[str, WeightFactor]) -> Graph:
    """The int8 model, from the prepared float model (which is left alone) and plain numbers."""
    model = prepared.copy()
    quantizers = find_quantizers(model, ignored=settings.ignored_scope, ignored_types=settings.ignored_types)
    weights = {q: _quantize_weights(q, settings.preset, factors.get(q.uses[0].node.name)) for q in quantizers if q.is_weight}
    corrected = [
        q.uses[0].node.name
        for q, w in weights.items()
        if (means := calibration.means.get(q.uses[0].node.name)) and correct(model, q.uses[0].node, means, w.values)
    ]
    for quantizer in quantizers:
        if quantizer.is_weight:
            tensor = insert_weights(model, weights[quantizer], quantizer.tensor, quantizer.name)
        else:
            tensor = _insert_fake_quantize(model, quantizer, calibration.bounds[quantizer.name])
        for use in quantizer.uses:
            model.set_input(use.node, use.port, tensor)
    model.prune()
    _describe(model, settings, calibration, corrected, sorted(factors.keys() & {q.uses[0].node.name for q in weights}))
    return model


def _quantize_weights(quantizer: Quantizer, preset: Preset, factor: WeightFactor | None) -> QuantizedWeights:
    layer, weights = quantizer.uses[0].node, quantizer.tensor.constant
    assert weights is not None
    axis = output_channel_axis_of_weights(layer)
    others = tuple(a for a in range(weights.ndim) if a != axis)
    if preset == "accuracy":
        levels = LEVELS
        low, high = asymmetric_range(weights.min(others, keepdims=True), weights.max(others, keepdims=True))
    else:
        levels = SYMMETRIC_WEIGHT_LEVELS
        low, high = symmetric_weight_range(np.abs(weights).max(others, keepdims=True))
    return quantize_weights(weights, low, high, levels, factor(weights, high) if factor else 1.0)


def _insert_fake_quantize(model: Graph, quantizer: Quantizer, bounds: Bounds) -> Tensor:
    shape = (1, -1, *(1,) * (len(quantizer.tensor.shape) - 2)) if quantizer.per_channel else ()
    ends = ("input_low", "input_high", "output_low", "output_high")
    low, high = (b.reshape(shape) for b in bounds)
    name = quantizer.name
    constants = [model.constant(v, model.unique_name(f"{name}/{end}")) for end, v in zip(ends, (low, high, low, high), strict=True)]
    return model.add(FakeQuantize(levels=LEVELS), [quantizer.tensor, *constants], model.unique_name(name)).output


def _describe(model: Graph, settings: Parameters, calibration: Calibration, corrected: list[str], narrowed: list[str]) -> None:
    """What the file will say of how the model was made."""
    from importlib.metadata import version

    integer = integer_layers(model)
    model.info["quantization"] = {
        "tool": f"numpot {version('numpot')}",
        "algorithm": "DefaultQuantization",
        "parameters": asdict(settings),
        "samples": calibration.samples,
        "integer_layers": [name for name, is_integer in integer.items() if is_integer],
        "float_layers": [name for name, is_integer in integer.items() if not is_integer],
        "corrected_biases": corrected,
        "narrowed_weights": narrowed,
    }
