"""FastBiasCorrection: give back what rounding the weights took from each channel's mean (eq. C8 in docs/calibration.md).

    b_new = mean(y) - mean(W_q * constant(mean(x)))

x and y are the layer's input and its output with the bias, over the calibration samples, both in float. The layer is run once on a
tensor that holds, in every channel, that channel's mean.
"""

from typing import NamedTuple

import numpy as np

from numpot.ir.graph import Graph, Node

from .defaults import FAST_BIAS_THRESHOLD
from .layers import bias_add, channel_axis, replace_constant
from .statistics import Statistic


class Means(NamedTuple):
    """Per channel, over the samples. input: (C_in,). output: (C_out,), after the bias."""

    input: np.ndarray
    output: np.ndarray


class MeanStatistics:
    """Collects the Means of one layer."""

    def __init__(self, layer: Node) -> None:
        axis = channel_axis(layer)
        self.input = Statistic("mean", "mean", axis)
        self.output = Statistic("mean", "mean", axis)

    @property
    def values(self) -> Means:
        return Means(self.input.value, self.output.value)


def correctable(layers: list[Node]) -> list[Node]:
    """The layers that can be corrected: those with a bias, none of whose elements is zero.

    One zero makes the relative change of that element infinite, and POT then leaves the whole layer as it is (docs/differences.md).
    """
    biases = {layer: bias_add(layer) for layer in layers if layer.type != "ConvolutionBackpropData"}
    return [layer for layer, bias in biases.items() if bias is not None and np.all(bias.inputs[1].constant != 0)]


def correct(graph: Graph, layer: Node, means: Means, quantized_weights: np.ndarray) -> bool:
    """Replace the layer's bias, unless it would change by more than the threshold. quantized_weights: as the layer will see them.

    Returns whether the bias was replaced.
    """
    bias = bias_add(layer)
    assert bias is not None and bias.inputs[1].constant is not None
    axis = channel_axis(layer)
    y = np.asarray(layer.op.evaluate(_constant_input(layer, means.input, axis), quantized_weights))
    mean_quantized = y.mean(axis=tuple(a for a in range(y.ndim) if a != axis % y.ndim), dtype=np.float64)
    old = bias.inputs[1].constant
    new = (means.output - mean_quantized).astype(np.float32)
    if new.size != old.size or np.max(np.abs((new.reshape(old.shape) - old) / old)) >= FAST_BIAS_THRESHOLD:
        return False
    replace_constant(graph, bias, 1, new.reshape(old.shape))
    return True


def _constant_input(layer: Node, means: np.ndarray, axis: int) -> np.ndarray:
    """One sample of the layer's input shape that holds each channel's mean everywhere."""
    shape = [1, *layer.inputs[0].shape[1:]]
    line = [1] * len(shape)
    line[axis] = means.size
    return np.broadcast_to(means.reshape(line), shape).astype(np.float32)
