"""Apply quantizers: insert a FakeQuantize on an activation, or replace weights by codes (the stage of
weights).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from numpot.ir.graph import Graph, Tensor
from numpot.ir.ops.fake_quantize import FakeQuantize

from ..layers.weighted_layers import output_channel_axis_of_weights
from ..parameters import Parameters
from ..placement.quantizer import Quantizer
from ..ranges.activation_ranges import clipped
from ..ranges.weight_ranges import weight_bounds
from .int8_weights import QuantizedWeights, fake_quantize_weights, quantize_weights
from .saturation_fix import WeightFactor, layer_pairings


@dataclass(frozen=True)
class RoundedWeights:
    """codes: by name of the quantizer. seen: the same weights as the bias corrections are to see them,
    float32. narrowed: names of the layers whose weights got fewer codes.
    """

    codes: Mapping[str, QuantizedWeights]
    seen: Mapping[Quantizer, np.ndarray]
    narrowed: Collection[str]


def round_weights(model: Graph, settings: Parameters, factors: Mapping[str, WeightFactor]) -> RoundedWeights:
    """Round all weights that are quantized. model: calibrated, because aligning channels changes weights.
    factors: by name of the layer, of weights that are to be narrower (saturation_fix.py); those of fewer than
    8 bits are narrow enough.
    """
    quantizers = [q for q in settings.quantizers(model) if q.is_weight]
    found = {q: round_one(q, settings, factors.get(q.uses[0].node.name)) for q in quantizers}
    return RoundedWeights(
        codes={q.name: codes for q, (codes, _) in found.items()},
        seen={q: seen for q, (_, seen) in found.items()},
        narrowed=factors.keys() & {q.uses[0].node.name for q in found},
    )


def round_one(
    quantizer: Quantizer, settings: Parameters, factor: WeightFactor | None
) -> tuple[QuantizedWeights, np.ndarray]:
    """The codes of one quantizer of weights, and the weights as the bias corrections are to see them.

    POT's corrections do not see them as stored, but through a FakeQuantize (int8_weights.py); with strict_pot
    numpot's do as well.
    """
    problem = _weight_problem(quantizer, settings, factor)
    codes = quantize_weights(*problem)
    return codes, fake_quantize_weights(*problem) if settings.strict_pot else codes.values


def insert_fake_quantize(
    model: Graph, quantizer: Quantizer, low: np.ndarray, high: np.ndarray, levels: int
) -> Tensor:
    """Its uses are not redirected yet. low, high: (C,) or (), float32."""
    shape = (1, -1, *(1,) * (len(quantizer.tensor.shape) - 2)) if low.ndim else ()
    low, high = low.reshape(shape), high.reshape(shape)
    ends = {"input_low": low, "input_high": high, "output_low": low, "output_high": high}
    name = quantizer.name
    constants = [model.constant(v, model.unique_name(f"{name}/{end}")) for end, v in ends.items()]
    return model.add(
        FakeQuantize(levels=levels), [quantizer.tensor, *constants], model.unique_name(name)
    ).output


def _weight_problem(
    quantizer: Quantizer, settings: Parameters, factor: WeightFactor | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, int, float | np.ndarray]:
    """Weights, low, high, levels and factor, as `quantize_weights` takes them."""
    scheme, estimation = settings.scheme(quantizer), settings.estimation(is_weight=True)
    layer, weights = quantizer.uses[0].node, quantizer.tensor.constant
    assert weights is not None
    axis = output_channel_axis_of_weights(layer)
    low, high = clipped(estimation, *weight_bounds(weights, axis, scheme, estimation))
    narrower: float | np.ndarray = 1.0
    if factor and scheme.bits == 8:
        rows, ends = np.moveaxis(weights, axis, 0), np.moveaxis(high, axis, 0)
        narrower = factor(rows, ends, layer_pairings(layer, rows.shape))
        narrower = narrower if isinstance(narrower, float) else np.moveaxis(narrower, 0, axis)
    return weights, low, high, scheme.levels, narrower
