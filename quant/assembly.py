"""Assemble the int8 model from plain numbers, with all of its quantizers or with some left out.

Calibration, rounding and bias correction are done once; a model with other layers in float costs a copy of
the graph.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from numpot.ir.graph import Graph
from numpot.ir.lowering.lower import integer_layers

from .accuracy_aware.layer_groups import Group
from .biases import stage as biases
from .calibration import Calibration
from .layers.weighted_layers import bias_add, replace_constant
from .placement.placement import Quantizer
from .ranges.schemes import Scheme
from .settings.accuracy_aware_options import Precision
from .settings.parameters import Parameters
from .settings.range_options import RangeEstimation
from .statistics.collection import Samples
from .weights.apply_quantizers import as_pot_sees, insert_fake_quantize, weight_codes
from .weights.int8_weights import QuantizedWeights, insert_weights
from .weights.saturation_fix import WeightFactor, fitting_factor, half

T = TypeVar("T")
_FACTORS: Final[dict[Precision, WeightFactor]] = {"7-bit": half, "safe": fitting_factor}


@dataclass(frozen=True)
class Variant:
    """How a model differs from the fully quantized one. reverted: names of quantizers that are left out.
    narrowed: names of quantizers of weights that get fewer codes -> how."""

    reverted: frozenset[str] = frozenset()
    narrowed: Mapping[str, Precision] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Text that no other variant has."""
        narrow = "".join(f" {self.narrowed[q]}:{q}" for q in sorted(self.narrowed))
        return "int8 without " + " ".join(sorted(self.reverted)) + (f" narrowed{narrow}" if narrow else "")


def variant(groups: Sequence[Group]) -> Variant:
    """The model with each group at its precision; of two for the same weights the later one counts, and float
    above all.
    """
    reverted = frozenset[str]().union(*(g.quantizers for g in groups if g.precision == "float"))
    narrowed = {
        name: g.precision
        for g in groups
        if g.precision != "float"
        for name in g.quantizers
        if name not in reverted
    }
    return Variant(reverted, narrowed)


@dataclass(frozen=True)
class Assembly:
    """prepared: the float model. biased: the same with corrected biases; weights are float in both. weights:
    codes by name of quantizer. corrected, narrowed: names of layers whose bias was corrected, whose weights
    are narrower."""

    prepared: Graph
    biased: Graph
    settings: Parameters
    calibration: Calibration
    weights: Mapping[str, QuantizedWeights]
    corrected: list[str]
    narrowed: set[str]

    @property
    def quantizers(self) -> list[Quantizer]:
        """All of them, on the prepared model."""
        return self.settings.quantizers(self.prepared)

    def build(self, wanted: Variant = Variant()) -> Graph:  # noqa: B008 - it is frozen
        """The int8 model, or a variant of it; nothing is moved or calibrated again.

        A layer whose weights go back to float gets its own bias back, the others keep theirs (POT 2023.3,
        AccuracyAwareQuantization). One with narrower weights gets its bias corrected for these, if biases are
        corrected one by one.
        """
        model = self.biased.copy()
        quantizers = self.settings.quantizers(model)
        for q in [q for q in quantizers if q.is_weight and q.name in wanted.reverted]:
            for use in q.uses:
                self._restore_bias(model, use.node.name)
        kept = [q for q in quantizers if q.name not in wanted.reverted]
        narrow = {
            q.name: self._narrow(model, q, wanted.narrowed[q.name]) for q in kept if q.name in wanted.narrowed
        }
        for q in kept:
            if q.is_weight:
                tensor = insert_weights(model, narrow.get(q.name, self.weights[q.name]), q.tensor, q.name)
            else:
                tensor = insert_fake_quantize(
                    model, q, self.calibration.bounds[q.name], self.settings.scheme(q).levels
                )
            for use in q.uses:
                model.set_input(use.node, use.port, tensor)
        model.prune()
        narrowed = self.narrowed | {use.node.name for q in kept if q.name in narrow for use in q.uses}
        self._describe(model, {use.node.name for q in kept if q.is_weight for use in q.uses}, narrowed)
        return model

    def _narrow(self, model: Graph, quantizer: Quantizer, how: Precision) -> QuantizedWeights:
        """Fewer codes for these weights, and biases corrected for them."""
        scheme, estimation = self.settings.scheme(quantizer), self.settings.estimation(is_weight=True)
        codes = weight_codes(quantizer, scheme, estimation, _FACTORS[how])
        if self.settings.use_fast_bias:
            for name in [use.node.name for use in quantizer.uses if use.node.name in self.corrected]:
                self._restore_bias(model, name)
                means = {name: self.calibration.means[name]}
                seen = (
                    as_pot_sees(quantizer, scheme, estimation, _FACTORS[how])
                    if self.settings.strict_pot
                    else codes.values
                )
                biases.correct_fast(model, {quantizer: seen}, self.settings, means)
        return codes

    def _restore_bias(self, model: Graph, layer: str) -> None:
        old, new = bias_add(self.prepared.nodes[layer]), bias_add(model.nodes[layer])
        if layer in self.corrected and old is not None and new is not None:
            assert old.inputs[1].constant is not None
            replace_constant(model, new, 1, old.inputs[1].constant)

    def _describe(self, model: Graph, int8_weights: Collection[str], narrowed: set[str]) -> None:
        """What the file will say of how the model was made. int8_weights, narrowed: names of layers."""
        from importlib.metadata import version

        integer = integer_layers(model)
        every = self.settings.apply_for_all_nodes
        model.info["quantization"] = {
            "tool": f"numpot {version('numpot')}",
            "algorithm": "DefaultQuantization",
            "parameters": self.settings.record(),
            "samples": self.calibration.samples,
            "integer_layers": [name for name, is_integer in integer.items() if is_integer],
            "float_layers": [name for name, is_integer in integer.items() if not is_integer],
            "corrected_biases": [name for name in self.corrected if every or name in int8_weights],
            "narrowed_weights": sorted(narrowed & set(int8_weights)),
            "chosen_estimators": self.calibration.estimators,
        }


def assemble(
    prepared: Graph,
    settings: Parameters,
    calibration: Calibration,
    factors: Mapping[str, WeightFactor],
    samples: Samples,
) -> Assembly:
    """Round the weights and correct the biases. prepared: the float model, which is left alone."""
    biased = prepared.copy()
    quantizers = settings.quantizers(biased)
    estimation = settings.estimation(is_weight=True)

    def rounded(
        q: Quantizer, how: Callable[[Quantizer, Scheme, RangeEstimation, WeightFactor | None], T]
    ) -> T:
        return how(q, settings.scheme(q), estimation, factors.get(q.uses[0].node.name))

    weights = {q: rounded(q, weight_codes) for q in quantizers if q.is_weight}
    seen = {
        q: rounded(q, as_pot_sees) if settings.strict_pot else codes.values for q, codes in weights.items()
    }
    corrected = biases.correct(biased, seen, settings, calibration.means, calibration.output_means, samples)
    narrowed = factors.keys() & {q.uses[0].node.name for q in weights}
    return Assembly(
        prepared,
        biased,
        settings,
        calibration,
        {q.name: codes for q, codes in weights.items()},
        corrected,
        narrowed,
    )
