"""FastBiasCorrection: give back what rounding the weights took from each channel's mean (eq. C8 in docs/calibration.md).

    b_new = mean(y) - mean(W_q * constant(mean(x)))

x and y are the layer's input and its output with the bias, over the calibration samples, both in float. The layer is run once on a
tensor that holds, in every channel, that channel's mean.
"""

from dataclasses import dataclass

import numpy as np

from numpot.ir.graph import Graph, Node

from .defaults import FAST_BIAS_THRESHOLD
from .layers import bias_add, channel_axis, replace_constant
from .statistics import Statistic


@dataclass
class Correction:
    """One layer, and the means that its correction needs."""

    layer: Node
    mean_input: Statistic  # (C_in,)
    mean_output: Statistic  # (C_out,), after the bias


def plan(layers: list[Node]) -> list[Correction]:
    """The layers that can be corrected: those with a bias, none of whose elements is zero.

    One zero makes the relative change of that element infinite, and POT then leaves the whole layer as it is (docs/differences.md).
    """
    corrections = []
    for layer in layers:
        bias = bias_add(layer)
        if bias is not None and np.all(bias.inputs[1].constant != 0) and layer.type != "ConvolutionBackpropData":
            axis = channel_axis(layer)
            corrections.append(Correction(layer, Statistic("mean", "mean", axis), Statistic("mean", "mean", axis)))
    return corrections


def correct(graph: Graph, correction: Correction, quantized_weights: np.ndarray) -> bool:
    """Replace the layer's bias, unless it would change by more than the threshold. quantized_weights: as the layer will see them.

    Returns whether the bias was replaced.
    """
    layer, bias = correction.layer, bias_add(correction.layer)
    assert bias is not None and bias.inputs[1].constant is not None
    axis = channel_axis(layer)
    x = _constant_input(layer, correction.mean_input.value, axis)
    y = np.asarray(layer.op.evaluate(x, quantized_weights))
    mean_quantized = y.mean(axis=tuple(a for a in range(y.ndim) if a != axis % y.ndim), dtype=np.float64)
    old = bias.inputs[1].constant
    new = (correction.mean_output.value - mean_quantized).astype(np.float32)
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
