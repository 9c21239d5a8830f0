"""Apply one quantizer: insert a FakeQuantize on an activation, or replace weights by codes."""

import numpy as np

from numpot.ir.graph import Graph, Tensor
from numpot.ir.ops.fake_quantize import FakeQuantize

from ..layers.weighted_layers import output_channel_axis_of_weights
from ..placement.placement import Quantizer
from ..ranges.activation_ranges import clipped
from ..ranges.bounds import Bounds
from ..ranges.schemes import Scheme
from ..ranges.weight_ranges import weight_bounds
from ..settings.range_options import RangeEstimation
from .int8_weights import QuantizedWeights, fake_quantize_weights, quantize_weights
from .saturation_fix import WeightFactor, layer_pairings


def insert_fake_quantize(model: Graph, quantizer: Quantizer, bounds: Bounds, levels: int) -> Tensor:
    """Create a FakeQuantize behind a tensor, whose readers are not redirected yet. bounds: (C,) or (),
    float32.
    """
    shape = (1, -1, *(1,) * (len(quantizer.tensor.shape) - 2)) if bounds[0].ndim else ()
    ends = ("input_low", "input_high", "output_low", "output_high")
    low, high = (b.reshape(shape) for b in bounds)
    name = quantizer.name
    constants = [
        model.constant(v, model.unique_name(f"{name}/{end}"))
        for end, v in zip(ends, (low, high, low, high), strict=True)
    ]
    return model.add(
        FakeQuantize(levels=levels), [quantizer.tensor, *constants], model.unique_name(name)
    ).output


def weight_codes(
    quantizer: Quantizer, scheme: Scheme, estimation: RangeEstimation, factor: WeightFactor | None
) -> QuantizedWeights:
    """factor: of weights that are to be narrower (saturation_fix.py); those of fewer than 8 bits are narrow
    enough.
    """
    return quantize_weights(*_weight_problem(quantizer, scheme, estimation, factor))


def as_pot_sees(
    quantizer: Quantizer, scheme: Scheme, estimation: RangeEstimation, factor: WeightFactor | None
) -> np.ndarray:
    """The weights as POT's bias corrections see them: not as stored, but through a FakeQuantize
    (int8_weights.py).
    """
    return fake_quantize_weights(*_weight_problem(quantizer, scheme, estimation, factor))


def _weight_problem(
    quantizer: Quantizer, scheme: Scheme, estimation: RangeEstimation, factor: WeightFactor | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, int, float | np.ndarray]:
    """Weights, low, high, levels and factor, as `quantize_weights` takes them."""
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
