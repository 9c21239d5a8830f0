"""What DefaultQuantization can be told, and everything that can be known to be wrong with it before the first
sample is run.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from numpot.ir.arguments import shown
from numpot.ir.graph import Graph
from numpot.ir.ops.common.operator import nearest

from .defaults import SAMPLE_BUDGET
from .errors import QuantizationError
from .placement.ignored_scope import Ignored, is_operation
from .placement.placement import find_quantizers
from .placement.quantizer import Quantizer
from .placement.scopes import Scope, check_scopes, find_scopes
from .ranges.parameters import given, read_estimation, read_quantizer
from .ranges.schemes import OTHER_DEVICES, Scheme, activation_scheme, weight_scheme
from .settings.option import declared
from .settings.option_types import check_words_and_bounds, refuse_unknown, typed
from .settings.quantize_options import QuantizeOptions
from .settings.range_options import QuantizerParameters, RangeEstimation


@dataclass(frozen=True)
class Parameters(QuantizeOptions):
    """The options of `quantize`, and what the algorithm asks of them."""

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
        record = asdict(self)
        for name, option in declared(type(self)).items():
            value = getattr(self, name)
            if option.is_group:
                record[name] = given(value)
            elif isinstance(value, tuple):
                record[name] = list(value)
        return record


def read_parameters(**options: Any) -> Parameters:
    """Parameters from plain values: `weights`, `activations` and `range_estimator` as mappings. Raises
    QuantizationError.
    """
    refuse_unknown(options, declared(Parameters))
    readers = {QuantizerParameters: read_quantizer, RangeEstimation: read_estimation}
    for name, option in declared(Parameters).items():
        if option.is_group and name in options:
            options[name] = readers[option.kind](name, options[name])
    return Parameters(**typed(Parameters, options))


def check(graph: Graph, settings: Parameters) -> None:
    """Everything that can be known to be wrong before the first sample is run."""
    if settings.target_device in OTHER_DEVICES:
        known = ", ".join(declared(Parameters)["target_device"].choices)
        raise QuantizationError(
            f"target_device {settings.target_device!r} is none that numpot quantizes for; choose one "
            f"of {known}"
        )
    check_words_and_bounds(settings)
    _check_fitting(settings)
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
