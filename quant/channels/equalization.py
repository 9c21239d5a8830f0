"""Equalization over groups of channels: every channel of a tensor gets a like share of its codes
(docs/calibration.md).

    w_c = max over rows o of all readers of  |W_oc| / max_c' (|W_oc'| a_c')                  (E1)
    s_c = sqrt(a_c / w_c) / (median over the group)                                          (E2)
    s_c := 2^round(log2 s_c),  exponents within -12 .. 12                                    (E3)

W are weights of a layer that reads channel c, a_c the channel's largest absolute value, in units of its
tensor's range, and s_c what it is divided by. POT aligns pairs of layers with nothing between. Here channels
are scaled through everything that hands a scale on (channel_groups.py), so through ReLU, pools, depthwise
layers and whole residual chains. Scales are powers of two: multiplying by one is exact in floating point, so
the equalized model computes the same function bit for bit.
"""

from collections.abc import Iterable

import numpy as np

from numpot.ir.graph import Graph, Node, Tensor

from ..defaults import EQUALIZATION_EXPONENTS
from ..layers.weighted_layers import replace_constant
from ..placement.quantizer import Quantizer
from ..statistics.collection import Samples, Wanted
from ..statistics.statistic import Statistic
from .channel_groups import ChannelGroups, DisjointSets, is_scalable_layer


def equalize_channels(graph: Graph, quantizers: Iterable[Quantizer], samples: Samples) -> None:
    """Give the channels of every tensor a like share of its codes, in place. quantizers: of the graph."""
    equalization = Equalization(graph, quantizers)
    wanted: Wanted = {tensor: [statistic] for tensor, statistic in equalization.wanted.items()}
    samples.run(graph, wanted, "equalizing channels")
    equalization.apply()


class Equalization:
    """What can be equalized in a graph, what must be measured for it, and the edit."""

    def __init__(self, graph: Graph, quantizers: Iterable[Quantizer]) -> None:
        self._graph = graph
        self._groups = ChannelGroups.of(graph)
        labels, fixed = self._groups.labels, self._groups.fixed
        self._layers = [n for n in graph if is_scalable_layer(n)]
        tensors = [q.tensor for q in quantizers if not q.is_weight and not q.per_channel]
        #: The tensors to measure: those with one range for all channels, of which some may be scaled.
        self.wanted: dict[Tensor, Statistic] = {
            t: Statistic("abs_max", "max", 1)
            for t in tensors
            if t in labels and not fixed.issuperset(map(int, labels[t]))
        }

    def apply(self) -> list[str]:
        """Scale the weights and biases, in place; returns the names of the layers whose weights changed."""
        scales = self._scales()
        changed = []
        for layer in self._layers:
            weights = layer.inputs[1].constant
            assert weights is not None
            factor = (
                scales[self._groups.labels[layer.inputs[0]]][columns(layer)]
                if layer.inputs[0] in self._groups.labels
                else 1.0
            )
            factor = factor / scales[self._groups.labels[layer.output]][:, None]
            if np.any(factor != 1):
                replace_constant(
                    self._graph, layer, 1, weights * factor.reshape(*factor.shape, *(1,) * (weights.ndim - 2))
                )
                changed.append(layer.name)
        for node, port in self._groups.terms:
            scale = scales[self._groups.labels[node.output]]
            if np.any(scale != 1):
                term, rank = node.inputs[port].constant, len(node.output.shape)
                assert term is not None
                shape = (len(scale), *(1,) * (rank - 2))
                value = np.broadcast_to(term, np.broadcast_shapes(term.shape, (1, *shape))) / scale.reshape(
                    shape
                )
                replace_constant(self._graph, node, port, value)
        return changed

    def _scales(self) -> np.ndarray:
        """The scale of each label (E2), (E3), float32 powers of two; 1 where nothing is to be done."""
        labels = self._groups.labels
        count = 1 + max((int(v.max()) for v in labels.values()), default=-1)
        amplitude, weight = np.zeros(count), np.zeros(count)
        for tensor, statistic in self.wanted.items():
            np.maximum.at(amplitude, labels[tensor], statistic.value)
        for layer in self._layers:
            if layer.inputs[0] in labels:
                _add_column_weights(weight, amplitude, labels[layer.inputs[0]], layer)
        known = (amplitude > 0) & (weight > 0)
        fixed = np.zeros(count, bool)
        fixed[list(self._groups.fixed)] = True
        exponent = np.zeros(count)
        exponent[known] = np.log2(amplitude[known] / weight[known]) / 2
        for members in _together(labels.values(), count):
            anchors = members[known[members] & fixed[members]]
            anchors = anchors if anchors.size else members[known[members]]
            exponent[members] -= np.median(exponent[anchors]) if anchors.size else 0
        exponent[~known | fixed] = 0
        return np.exp2(np.clip(np.rint(exponent), *EQUALIZATION_EXPONENTS)).astype(np.float32)


def _together(tensors: Iterable[np.ndarray], count: int) -> list[np.ndarray]:
    """Labels that meet in some tensor, directly or over others: only the balance among these matters."""
    meetings = DisjointSets()
    meetings.add(count)
    for labels in tensors:
        for label in np.unique(labels[1:]):
            meetings.unite(int(labels[0]), int(label))
    roots = meetings.roots()
    return [np.flatnonzero(roots == root) for root in np.unique(roots)]


def _add_column_weights(weight: np.ndarray, amplitude: np.ndarray, labels: np.ndarray, layer: Node) -> None:
    """What share of a row's codes each channel's weights take, largest row first (E1). weight, amplitude:
    by label; labels: (C,).
    """
    values = layer.inputs[1].constant
    assert values is not None
    largest = np.abs(values).reshape(*values.shape[:2], -1).max(axis=2)  # (O, I/g)
    channels = labels[columns(layer)]  # (O, I/g)
    row = (largest * amplitude[channels]).max(axis=1, keepdims=True)
    np.maximum.at(
        weight, channels, np.divide(largest, row, out=np.zeros_like(largest, dtype=np.float64), where=row > 0)
    )


def columns(layer: Node) -> np.ndarray:
    """(O, I/g): which channel of the input each column of each row of the weights reads."""
    rows, width = layer.inputs[1].shape[:2]
    groups = getattr(layer.op, "groups", 1)
    return (np.arange(rows) // (rows // groups))[:, None] * width + np.arange(width)
