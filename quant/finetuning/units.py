"""How large a step is: one learning rate for all layers needs a measure in which all weights are alike (eq. T14 in docs/finetuning.md).

It is what they add to their layer's output. With r_i the typical size of input channel i on the first batch, a weight's unit is

    u_oi = max over j of |w_oj| r_j / r_i

so that a step of learning rate R changes an output by R times its largest term. Where all inputs are alike this is the largest weight of
the output channel. Networks whose channels differ much, as folded batch norms leave them, would else be torn apart by the inputs that are
large and have small weights. A bias has the typical size of the sums that it is part of.
"""

import numpy as np

from numpot.ir.graph import Node
from numpot.ir.ops.matmul import MatMul

from ..ranges import lift_dead_channels
from .gradients import unbroadcast


def bias_unit(sums: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """sums: what the bias was added to make. Returns an array of the bias's shape."""
    return typical_size(sums, bias.shape)


def weight_unit(weights: np.ndarray, x: np.ndarray, layer: Node) -> np.ndarray:
    """weights: in any measure that is one output channel's own. x: the layer's input. Returns what broadcasts against the weights."""
    size = _by_weight(x, weights, layer)
    terms = np.abs(weights) * size
    inside = tuple(axis for axis in range(weights.ndim) if axis != _output_axis(layer, weights.ndim))
    largest = lift_dead_channels(terms.max(axis=inside, keepdims=True))
    return largest / size


def typical_size(x: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Root mean square of what broadcasting would stretch an array of `shape` over; 1 % of the largest at least (eq. C1)."""
    squares = unbroadcast(np.square(x), shape)
    return lift_dead_channels(np.sqrt(squares / np.float32(x.size / squares.size)))


def _by_weight(x: np.ndarray, weights: np.ndarray, layer: Node) -> np.ndarray:
    """The typical size of the input that each weight is multiplied by, broadcastable against the weights."""
    if isinstance(layer.op, MatMul):
        across = _of_last_axis(x.swapaxes(-1, -2) if layer.op.transpose_a and x.ndim > 1 else x)
        return across if layer.op.transpose_b or weights.ndim == 1 else across[:, None]
    channels = _of_last_axis(np.moveaxis(x, 1, -1))
    ones = (1,) * (weights.ndim - 2)
    if layer.type == "ConvolutionBackpropData":
        return channels.reshape(-1, 1, *ones)
    groups: int = layer.op.groups  # type: ignore[attr-defined]
    return np.repeat(channels.reshape(groups, -1), len(weights) // groups, axis=0).reshape(len(weights), -1, *ones)


def _of_last_axis(x: np.ndarray) -> np.ndarray:
    return typical_size(x, x.shape[-1:])


def _output_axis(layer: Node, rank: int) -> int | None:
    """That of the output channels in the weights; None of a vector, which makes one number."""
    if isinstance(layer.op, MatMul):
        return None if rank == 1 else rank - 2 if layer.op.transpose_b else rank - 1
    return 1 if layer.type == "ConvolutionBackpropData" else 0
