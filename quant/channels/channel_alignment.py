"""ActivationChannelAlignment: make the channels between two linear layers alike, so that one scale suits them
all (docs/calibration.md).

    b_P := b_P - a,              b_Q := b_Q + (sum of W_Q over its window) a                 (C5)
    W_P := W_P / s,  b_P := b_P / s,  W_Q := W_Q * s      s = (hi - lo) / median(hi - lo)    (C6)

W and b are the weights and biases of layers P and Q, where P's output goes into Q with nothing but the bias
between; then any a and s leave the model's function as it is. lo and hi are a channel's usual range, a its
middle: the channels are centred on zero and given the same width.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from numpot.ir.graph import Graph, Node, Tensor

from ..defaults import ALIGNMENT_SCALE_LIMITS, ALIGNMENT_TAIL
from ..layers.weighted_layers import bias_add, replace_constant
from ..statistics.statistic import Statistic


@dataclass
class Pair:
    """Two layers to align: `producer` P and `consumer` Q, and the tensor between them, which carries P's bias
    already.
    """

    producer: Node
    consumer: Node
    between: Tensor
    low: Statistic = field(
        default_factory=lambda: Statistic("quantile", "median", 1, quantile=ALIGNMENT_TAIL)
    )
    high: Statistic = field(
        default_factory=lambda: Statistic("quantile", "median", 1, quantile=1 - ALIGNMENT_TAIL)
    )


class Change(NamedTuple):
    """What became of the channels between two layers: x -> (x - shift) / scale. (C,) float32
    each; scale > 0.
    """

    shift: np.ndarray
    scale: np.ndarray


def find_pairs(graph: Graph) -> list[Pair]:
    """Pairs that can be aligned exactly, in the order of the consumers' names."""
    pairs = []
    for consumer in sorted(graph.of_type("Convolution"), key=lambda n: n.name):
        between = consumer.inputs[0]
        producer = between.producer
        if producer.type == "Add" and producer.inputs[1].constant is not None:
            producer = producer.inputs[0].producer
        if (
            _is_plain(consumer)
            and producer.type in ("Convolution", "MatMul")
            and producer.inputs[1].constant is not None
            and len(between.consumers) == 1
            and len(producer.output.consumers) == 1
        ):
            pairs.append(Pair(producer, consumer, between))
    return pairs


def _is_plain(layer: Node) -> bool:
    """No groups, padding, stride or dilation: only then does a shift of the input come out as one shift per
    output channel.
    """
    op = layer.op
    return (
        layer.inputs[1].constant is not None
        and op.groups == 1  # type: ignore[attr-defined]
        and set(op.pads_begin) | set(op.pads_end) <= {0}  # type: ignore[attr-defined]
        and set(op.strides) | set(op.dilations) <= {1}  # type: ignore[attr-defined]
    )


def align(graph: Graph, pair: Pair) -> Change:
    """Apply the statistics of a pair to its weights and biases, in place."""
    low, high = pair.low.value, pair.high.value
    return Change(_centre(graph, pair, (low + high) / 2), _equalize(graph, pair, high - low))


def _centre(graph: Graph, pair: Pair, middle: np.ndarray) -> np.ndarray:
    """b_P -= a,  b_Q += (sum of W_Q over its window) a   (C5); needs both biases. middle:
    (C,), the a; returned, or zeros.
    """
    below, above = bias_add(pair.producer), bias_add(pair.consumer)
    if below is None or above is None:
        return np.zeros_like(middle)
    weights = _weights(pair.consumer)
    spatial = tuple(range(2, weights.ndim))
    _edit_bias(graph, below, lambda b: b - middle.reshape(_like(b, middle)))
    # by NumPy; a BLAS adds in another order on each processor
    shift = (weights.sum(axis=spatial) * middle).sum(axis=1)
    _edit_bias(graph, above, lambda b: b + shift.reshape(_like(b, shift)))
    return middle


def _equalize(graph: Graph, pair: Pair, width: np.ndarray) -> np.ndarray:
    """W_P /= s, b_P /= s, W_Q *= s with s the width relative to the median channel (C6). width: (C,).
    Returns s, or ones.
    """
    alive = width > 0
    weights = _weights(pair.producer)
    if not alive.any() or weights.shape[0] != width.size:
        return np.ones_like(width)
    scale = np.where(alive, width / np.median(width[alive]), 1.0)
    scale = np.clip(scale, *ALIGNMENT_SCALE_LIMITS).astype(np.float32)
    replace_constant(graph, pair.producer, 1, weights / scale.reshape(-1, *(1,) * (weights.ndim - 1)))
    bias = bias_add(pair.producer)
    if bias is not None:
        _edit_bias(graph, bias, lambda b: b / scale.reshape(_like(b, scale)))
    weights = _weights(pair.consumer)
    replace_constant(graph, pair.consumer, 1, weights * scale.reshape(1, -1, *(1,) * (weights.ndim - 2)))
    return scale


def _weights(layer: Node) -> np.ndarray:
    value = layer.inputs[1].constant
    assert value is not None
    return value


def _edit_bias(graph: Graph, add: Node, edit) -> None:  # type: ignore[no-untyped-def]
    replace_constant(graph, add, 1, edit(add.inputs[1].constant).astype(np.float32))


def _like(bias: np.ndarray, vector: np.ndarray) -> tuple[int, ...]:
    """The shape that lines a vector of channels up with a bias of shape (1, C, 1, 1), or (1, C) behind a
    MatMul.
    """
    return (1, vector.size, *(1,) * (bias.ndim - 2)) if bias.ndim > 2 else (vector.size,)
