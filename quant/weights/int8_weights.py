"""Weights as int8: Constant(int8) -> Convert -> [Subtract zero point] -> Multiply by the scale
(docs/calibration.md).

    q = floor((clip(w / f, low, high) - low) * (L - 1) / (high - low) + 1/2) - floor(L / 2)
    w_q = (q - z) * s,    s = f * (high - low) / (L - 1),    z = -floor(L / 2) - f * low / s    (C7)

w is a weight, q its code, w_q what the code stands for, with scale s and zero point z; L is the number of
levels, and f is 1, or 2 for 7-bit weights (saturation_fix.py).
"""

from dataclasses import dataclass

import numpy as np

from numpot.ir.dtypes import F32
from numpot.ir.graph import Graph, Tensor
from numpot.ir.ops.convert import Convert
from numpot.ir.ops.multiply import Multiply
from numpot.ir.ops.subtract import Subtract


@dataclass(frozen=True)
class QuantizedWeights:
    """Integers and how to read them: w = (codes - zero_point) * scale.

    codes: int8, the shape of the weights. scale, zero_point: float32, broadcastable against them; zero_point
    None when it is zero.
    """

    codes: np.ndarray
    scale: np.ndarray
    zero_point: np.ndarray | None

    @property
    def values(self) -> np.ndarray:
        """The weights that the layer will see, float32; computed in the order the graph computes them."""
        values = self.codes.astype(np.float32)
        if self.zero_point is not None:
            values = values - self.zero_point
        return values * self.scale

    @property
    def is_zero(self) -> bool:
        """Whether every weight is."""
        return (
            not self.codes.any() if self.zero_point is None else bool((self.codes == self.zero_point).all())
        )


def quantize_weights(
    weights: np.ndarray, low: np.ndarray, high: np.ndarray, levels: int, factor: float | np.ndarray = 1.0
) -> QuantizedWeights:
    """Round weights to the nearest of `levels` codes between low and high; a half goes up, as in POT
    (C7).

    weights: float32. low, high: float32, broadcastable. factor: 1, or above it for narrowed weights (2 for 7
    bits): they are divided by it before and multiplied by it after, so that the codes use 1/factor of their
    range (saturation_fix.py).
    """
    first, last = -(levels // 2), levels - 1 - levels // 2
    # so that -m / 2 is exactly half a code, and goes up
    wide_low, wide_high = (low.astype(np.float64), high.astype(np.float64))
    position = (
        (np.clip(weights / np.asarray(factor, np.float64), wide_low, wide_high) - wide_low)
        * (levels - 1)
        / (wide_high - wide_low)
    )
    codes = (np.floor(position + 0.5) + first).astype(np.int8)
    scale = ((high - low) * np.asarray(factor / (last - first), np.float32)).astype(np.float32)
    zero_point = (first - low * np.asarray(factor, np.float32) / scale).astype(np.float32)
    if np.all(np.abs(zero_point) < 1e-4):
        return QuantizedWeights(codes, scale, None)
    return QuantizedWeights(codes, scale, zero_point)


def fake_quantize_weights(
    weights: np.ndarray, low: np.ndarray, high: np.ndarray, levels: int, factor: float | np.ndarray = 1.0
) -> np.ndarray:
    """The same weights through the FakeQuantize that stands on them in POT until they are stored: float32.

    There a half goes to the even code, so weights that lie halfway, as the largest of every channel does on 7
    bits, may come out one code off from what `quantize_weights` stores. POT corrects biases for these. In
    this order of float32 operations ties stay ties.
    """
    wide = np.asarray(factor, np.float32)
    steps = np.float32(levels - 1)
    codes = np.rint((np.clip(weights / wide, low, high) - low) / (high - low) * steps)
    return (codes / steps * (high * wide - low * wide) + low * wide).astype(np.float32)


def insert_weights(graph: Graph, weights: QuantizedWeights, old: Tensor, name: str) -> Tensor:
    """Put the integers and their dequantization into the graph under the quantizer's name; returns the tensor
    to read.
    """
    codes = graph.constant(weights.codes, graph.unique_name(f"{old.producer.name}/int8"))
    values = graph.add(Convert(destination_type=F32), [codes], graph.unique_name(f"{name}/convert")).output
    if weights.zero_point is not None:
        zero_point = graph.constant(weights.zero_point, graph.unique_name(f"{name}/zero_point"))
        values = graph.add(Subtract(), [values, zero_point], graph.unique_name(f"{name}/subtract")).output
    scale = graph.constant(weights.scale, graph.unique_name(f"{name}/scale"))
    return graph.add(Multiply(), [values, scale], graph.unique_name(name)).output
