"""FastBiasCorrection: give back what rounding the weights took from each channel's mean
(docs/calibration.md).

    b_new = mean(y) - mean(W_q * constant(mean(x)))              (C8)
    b := b + mean((W - W_q) * constant(mean(x)))                 (C9)

The first is POT's, the second numpot's. x and y are the layer's input and its output with the bias b, over
the calibration samples, both in float; W are its weights, W_q the same rounded. The layer is run once on a
tensor that holds, in every channel, that channel's mean.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from numpot.ir.executor.executor import Executor
from numpot.ir.graph import Graph, Node
from numpot.ir.ops.parameter import Parameter
from numpot.ir.ops.result import Result

from ..defaults import FAST_BIAS_THRESHOLD
from ..layers.weighted_layers import bias_add, biased_output, channel_axis, replace_constant
from ..statistics.collector import Collectors
from ..statistics.statistic import Statistic


class Means(NamedTuple):
    """Per channel, over the samples. input: (C_in,). output: (C_out,), after the bias."""

    input: np.ndarray
    output: np.ndarray


@dataclass(frozen=True)
class MeanStatistics:
    """Collects the Means of one layer."""

    input: Statistic
    output: Statistic

    @classmethod
    def want(cls, layer: Node, collectors: Collectors) -> "MeanStatistics":
        """Ask for the means of a `correctable` layer; they are there when the collectors are filled."""
        axis = channel_axis(layer)
        return cls(
            collectors.want(layer.inputs[0], Statistic("mean", "mean", axis)),
            collectors.want(biased_output(layer), Statistic("mean", "mean", axis)),
        )

    @property
    def values(self) -> Means:
        return Means(self.input.value, self.output.value)


def correctable(layers: Iterable[Node]) -> list[Node]:
    """The layers whose mean output can be corrected: convolutions and matrix products with a bias for each
    channel.
    """
    return [
        layer for layer in layers if layer.type in ("Convolution", "MatMul") and _has_bias_per_channel(layer)
    ]


def relative_change(change: np.ndarray, bias: np.ndarray) -> float:
    """The largest change of an element by factors of itself; infinite if any element is zero, whatever its
    change (as in POT 2023.3).
    """
    return float(np.max(np.abs(change / bias))) if np.all(bias != 0) else np.inf


def correct_bias(
    graph: Graph,
    layer: Node,
    means: Means,
    quantized_weights: np.ndarray,
    threshold: float = FAST_BIAS_THRESHOLD,
) -> bool:
    """POT's correction (eq. C8): a new bias, unless it would change by more than the threshold; then the
    layer is left alone.

    quantized_weights: as the layer will see them. Returns whether the bias was replaced.
    """
    bias = bias_add(layer)
    assert bias is not None and bias.inputs[1].constant is not None
    old = bias.inputs[1].constant
    new = (means.output - _mean_output(layer, means, quantized_weights)).astype(np.float32).reshape(old.shape)
    if relative_change(new - old, old) >= threshold:
        return False
    replace_constant(graph, bias, 1, new)
    return True


def correct_rounding(graph: Graph, layer: Node, means: Means, quantized_weights: np.ndarray) -> None:
    """numpot's correction (eq. C9): only what rounding the weights did to the mean, so zeros and borders need
    no exception.
    """
    bias = bias_add(layer)
    assert bias is not None and bias.inputs[1].constant is not None and layer.inputs[1].constant is not None
    old = bias.inputs[1].constant
    shift = _mean_output(layer, means, layer.inputs[1].constant - quantized_weights)
    replace_constant(graph, bias, 1, (old + shift.reshape(old.shape)).astype(np.float32))


def _mean_output(layer: Node, means: Means, weights: np.ndarray) -> np.ndarray:
    """(C_out,) float64: the mean of each channel when every channel of the input is its mean everywhere.

    The Executor runs the layer, not its NumPy definition: a BLAS adds in an order of its own on each
    processor, and with each number of threads, and biases would depend on that.
    """
    axis = channel_axis(layer)
    x = _constant_input(layer, means.input, axis)
    graph = Graph("layer alone")
    source = graph.add(Parameter(element_type=x.dtype, shape=x.shape), name="x").output
    graph.add(
        Result(), [graph.add(layer.op, [source, graph.constant(weights.astype(x.dtype))]).output], name="y"
    )
    y = Executor(graph, threads=1).run(x)["y"]
    return y.mean(axis=tuple(a for a in range(y.ndim) if a != axis % y.ndim), dtype=np.float64)


def _has_bias_per_channel(layer: Node) -> bool:
    add = bias_add(layer)
    return add is not None and math.prod(add.inputs[1].shape) == layer.output.shape[channel_axis(layer)]


def _constant_input(layer: Node, means: np.ndarray, axis: int) -> np.ndarray:
    """One sample of the layer's input shape that holds each channel's mean everywhere."""
    shape = [1, *layer.inputs[0].shape[1:]]
    line = [1] * len(shape)
    line[axis] = means.size
    return np.broadcast_to(means.reshape(line), shape).astype(np.float32)
