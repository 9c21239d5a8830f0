"""What DefaultQuantization can be told, and everything that can be known to be wrong with it before the first
sample is run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from numpot.ir.arguments import shown
from numpot.ir.graph import Graph
from numpot.ir.ops.common.operator import nearest

from ..defaults import (
    CALIBRATION_BATCH,
    PRESETS,
    SAMPLE_BUDGET,
    SATURATION_FIXES,
    STAT_SUBSET_SIZE,
    TARGET_DEVICES,
    ModelType,
    Preset,
    SaturationFix,
    TargetDevice,
)
from ..errors import QuantizationError
from ..placement.ignored_scope import Ignored, is_operation
from ..placement.placement import Quantizer, find_quantizers
from ..placement.scopes import Scope, check_scopes, find_scopes
from ..ranges.parameters import QuantizerParameters, RangeEstimation, given, read_estimation, read_quantizer
from ..ranges.schemes import OTHER_DEVICES, Scheme, activation_scheme, weight_scheme
from .option_types import typed


@dataclass(frozen=True)
class Parameters:
    """What DefaultQuantization can be told; names and defaults are POT's, but for statistics, which are in
    place by default here.
    """

    preset: Preset = "performance"
    target_device: TargetDevice = "ANY"
    stat_subset_size: int = STAT_SUBSET_SIZE
    stat_batch_size: int = CALIBRATION_BATCH
    shuffle_data: bool = False
    seed: int = 0
    inplace_statistics: bool = True
    weights: QuantizerParameters = QuantizerParameters()
    activations: QuantizerParameters = QuantizerParameters()
    range_estimator: RangeEstimation = RangeEstimation()
    model_type: ModelType | None = None
    use_fast_bias: bool = True
    threshold: float | None = None
    apply_for_all_nodes: bool = False
    saturation_fix: SaturationFix = "first_layer"
    ignored_scope: Sequence[str] = ()
    ignored_types: Sequence[str] = ()
    ignored_operations: Sequence[Mapping[str, Any]] = ()
    align_channels: bool = True
    equalize_channels: bool = False
    correct_biases: bool = True
    strict_pot: bool = True

    @property
    def budget(self) -> int | None:
        """Of values that a statistic remembers; without statistics in place, all of them."""
        return SAMPLE_BUDGET if self.inplace_statistics else None

    @property
    def ignored(self) -> Ignored:
        """What stays in float."""
        return Ignored(self.ignored_scope, self.ignored_types, self.ignored_operations, self.model_type)

    def quantizers(self, model: Graph) -> list[Quantizer]:
        """Where FakeQuantize operators go in a prepared model."""
        return find_quantizers(model, self.ignored, self.target_device)

    def scopes(self, model: Graph) -> list[Scope]:
        """What each ignored scope changes in a prepared model."""
        return find_scopes(model, self.ignored, self.target_device)

    def estimation(self, *, is_weight: bool) -> RangeEstimation:
        """The estimator inside `weights` or `activations` replaces the global one."""
        return (self.weights if is_weight else self.activations).range_estimator or self.range_estimator

    def scheme(self, quantizer: Quantizer) -> Scheme:
        if quantizer.is_weight:
            return weight_scheme(self.preset, self.weights)
        return activation_scheme(quantizer, self.preset, self.activations)

    def record(self) -> dict[str, Any]:
        """As values that a model's `info` can hold."""
        nested = {name: given(getattr(self, name)) for name in ("weights", "activations", "range_estimator")}
        ignored = {
            name: list(getattr(self, name))
            for name in ("ignored_scope", "ignored_types", "ignored_operations")
        }
        return asdict(self) | nested | ignored


def read_parameters(**options: Any) -> Parameters:
    """Parameters from plain values: `weights`, `activations` and `range_estimator` as mappings. Raises
    QuantizationError.
    """
    for name in options.keys() - {f.name for f in fields(Parameters)}:
        known = [f.name for f in fields(Parameters)]
        raise QuantizationError(
            f"parameter {name!r} is not known" + (nearest(name, known) or f". Known are {', '.join(known)}")
        )
    for name in ("weights", "activations"):
        options[name] = read_quantizer(name, options.get(name))
    options["range_estimator"] = read_estimation("range_estimator", options.get("range_estimator"))
    return Parameters(**typed(Parameters, options))


def check(graph: Graph, settings: Parameters) -> None:
    """Everything that can be known to be wrong before the first sample is run."""
    _check_choice("preset", settings.preset, PRESETS)
    _check_choice("saturation_fix", settings.saturation_fix, SATURATION_FIXES)
    if settings.target_device in OTHER_DEVICES:
        known = ", ".join(TARGET_DEVICES)
        raise QuantizationError(
            f"target_device {settings.target_device!r} is none that numpot quantizes for; choose one "
            f"of {known}"
        )
    _check_choice("target_device", settings.target_device, TARGET_DEVICES)
    _check_choice("model_type", settings.model_type, (None, "transformer"))
    if settings.threshold is not None and not settings.threshold > 0:
        raise QuantizationError(f"threshold must be above 0, found {settings.threshold}")
    _check_fitting(settings)
    if settings.seed < 0:
        raise QuantizationError(f"seed must be at least 0, found {settings.seed}")
    for name in ("stat_subset_size", "stat_batch_size"):
        if getattr(settings, name) < 1:
            raise QuantizationError(f"{name} must be at least 1, found {getattr(settings, name)}")
    for node in graph:
        if node.type in ("FakeQuantize", "Quantize", "ConvolutionInteger", "MatMulInteger"):
            raise QuantizationError(
                f"model {graph.name!r} is already quantized: it holds {node.type} {node.name!r}. Give "
                "the float model"
            )
        value = node.outputs[0].constant if node.outputs else None
        if value is not None and value.dtype.kind == "f" and not np.isfinite(value).all():
            raise QuantizationError(
                f"constant {node.name!r} of model {graph.name!r} holds NaN or infinity; repair the "
                "model first"
            )
    for name in settings.ignored_scope:
        if name not in graph.nodes:
            raise QuantizationError(
                f"ignored_scope: model {graph.name!r} has no layer {name!r}{nearest(name, graph.nodes)}"
            )
    types = {node.type for node in graph}
    for kind in settings.ignored_types:
        if kind not in types:
            raise QuantizationError(
                f"ignored_types: model {graph.name!r} has no layer of type {kind!r}{nearest(kind, types)}"
            )
    for operation in settings.ignored_operations:
        _check_operation(graph, operation)
    check_scopes(graph, settings.ignored, settings.target_device)


def _check_operation(graph: Graph, operation: Mapping[str, Any]) -> None:
    """An entry of ignored_operations must be {"type": T} or {"type": T, "attributes": {...}}, and mean some
    layer.
    """
    if not isinstance(operation.get("type"), str) or operation.keys() - {"type", "attributes"}:
        raise QuantizationError(
            'ignored_operations: expected {"type": T, "attributes": {...}}, '
            f"found {shown(dict(operation))}"
        )
    if not any(is_operation(node, operation) for node in graph):
        raise QuantizationError(
            f"ignored_operations: model {graph.name!r} has no layer that is {shown(dict(operation))}"
        )


def _check_choice(name: str, value: object, choices: Sequence[str | None]) -> None:
    if value not in choices:
        raise QuantizationError(f"{name} must be one of {', '.join(map(str, choices))}, found {value!r}")


def _check_fitting(settings: Parameters) -> None:
    """auto and auto-strict narrow each output channel of symmetric weights on its own."""
    if settings.saturation_fix not in ("auto", "auto-strict"):
        return
    scheme = weight_scheme(settings.preset, settings.weights)
    if not scheme.symmetric:
        raise QuantizationError(
            f"saturation_fix {settings.saturation_fix!r} is for symmetric weights, and preset "
            f"{settings.preset!r} makes asymmetric ones; "
            "they run in float and cannot saturate. Use 'no'"
        )
    if not scheme.per_channel:
        raise QuantizationError(
            f"saturation_fix {settings.saturation_fix!r} is for weights with a range per channel. Use 'all'"
        )
