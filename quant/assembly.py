"""Assemble the int8 model from plain numbers, with all of its quantizers or with some left out.

Calibration, rounding and bias correction are done once; a model with other layers in float costs a copy of
the graph.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from numpot.ir.graph import Graph
from numpot.ir.lowering.lower import integer_layers

from .biases.stage import CorrectedBiases, correct_fast
from .layers.weighted_layers import bias_add, replace_constant
from .parameters import Parameters
from .placement.quantizer import Quantizer
from .ranges.activation_bounds import ActivationBounds
from .settings.accuracy_aware_options import Precision
from .weights.apply_quantizers import insert_fake_quantize, round_one
from .weights.int8_weights import QuantizedWeights, insert_weights
from .weights.saturation_fix import WeightFactor, fitting_factor, half

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


@dataclass(frozen=True)
class Assembly:
    """What the stages found. prepared: the float model, channels aligned, biases not yet corrected. bounds:
    of activations, and weights: codes; both by name of the quantizer. narrowed: names of layers whose weights
    got fewer codes. samples: how many were calibrated with.

    It holds plain numbers and the float model, and nothing of the statistics: workers get it as a whole.
    """

    prepared: Graph
    settings: Parameters
    bounds: Mapping[str, ActivationBounds]
    weights: Mapping[str, QuantizedWeights]
    narrowed: Collection[str]
    biases: CorrectedBiases
    samples: int

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
        model = self.biases.model.copy()
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
                low, high, _ = self.bounds[q.name]
                tensor = insert_fake_quantize(model, q, low, high, self.settings.scheme(q).levels)
            for use in q.uses:
                model.set_input(use.node, use.port, tensor)
        model.prune()
        narrowed = {*self.narrowed} | {use.node.name for q in kept if q.name in narrow for use in q.uses}
        self._describe(model, {use.node.name for q in kept if q.is_weight for use in q.uses}, narrowed)
        return model

    def _narrow(self, model: Graph, quantizer: Quantizer, how: Precision) -> QuantizedWeights:
        """Fewer codes for these weights, and biases corrected for them."""
        codes, seen = round_one(quantizer, self.settings, _FACTORS[how])
        if self.settings.use_fast_bias:
            for name in [use.node.name for use in quantizer.uses if use.node.name in self.biases.layers]:
                self._restore_bias(model, name)
                correct_fast(model, {quantizer: seen}, {name: self.biases.means[name]}, self.settings)
        return codes

    def _restore_bias(self, model: Graph, layer: str) -> None:
        old, new = bias_add(self.prepared.nodes[layer]), bias_add(model.nodes[layer])
        if layer in self.biases.layers and old is not None and new is not None:
            assert old.inputs[1].constant is not None
            replace_constant(model, new, 1, old.inputs[1].constant)

    def _describe(self, model: Graph, int8_weights: Collection[str], narrowed: set[str]) -> None:
        """What the file will say of how the model was made. int8_weights, narrowed: names of layers."""
        from importlib.metadata import version

        integer = integer_layers(model)
        every = self.settings.apply_for_all_nodes
        chooses = self.settings.estimation(is_weight=False).preset == "auto"
        model.info["quantization"] = {
            "tool": f"numpot {version('numpot')}",
            "algorithm": "DefaultQuantization",
            "parameters": self.settings.record(),
            "samples": self.samples,
            "integer_layers": [name for name, is_integer in integer.items() if is_integer],
            "float_layers": [name for name, is_integer in integer.items() if not is_integer],
            "corrected_biases": [name for name in self.biases.layers if every or name in int8_weights],
            "narrowed_weights": sorted(narrowed & set(int8_weights)),
            "chosen_estimators": {name: found.estimator for name, found in self.bounds.items() if chooses},
        }
