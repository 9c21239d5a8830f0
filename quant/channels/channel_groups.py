"""Find the channels of a model that must be scaled together (docs/calibration.md, "Groups of channels").

If a tensor's channel c is divided by s_c, a convolution behind it undoes that with its weights; a ReLU, a
pool or a residual Add hands it on: the same s_c holds on both sides. So every channel of every tensor gets a
label, equal where channels are tied. Labels are handed on in topological order; an Add of two tensors ties
theirs pairwise. Channels that anything else reads or makes (the model's inputs and outputs, a Sigmoid) are
fixed: s = 1.

Channels lie on axis 1. Tensors without one have no label, and fix what they are made from.
"""

import math
from dataclasses import dataclass, field

import numpy as np

from numpot.ir.dtypes import FLOATS
from numpot.ir.graph import Graph, Node, Tensor
from numpot.ir.ops.matmul import MatMul

from ..layers.weighted_layers import channel_constant

Labels = np.ndarray  # (C,) int64

_HOMOGENEOUS = frozenset(
    {"ReLU", "LeakyReLU", "PReLU", "MaxPool", "AvgPool", "Interpolate", "Negative", "Abs"}
)
_REDUCTIONS = frozenset({"ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin"})


@dataclass
class ChannelGroups:
    """labels: of each tensor that has channels, (C,), equal where channels are tied. fixed: labels that must
    not be scaled.

    terms: (Add or Subtract, port) of every constant that is added on the way and must be scaled with its
    tensor.
    """

    labels: dict[Tensor, Labels] = field(default_factory=dict)
    fixed: set[int] = field(default_factory=set)
    terms: list[tuple[Node, int]] = field(default_factory=list)

    @classmethod
    def of(cls, graph: Graph) -> "ChannelGroups":
        groups = cls()
        walk = _Walk(groups)
        for node in graph.topological_order():
            walk.visit(node)
        walk.finish()
        return groups


def is_scalable_layer(node: Node) -> bool:
    """Layers that can undo a scale of their input channels and make one of their output channels, by their
    weights.
    """
    if node.type not in ("Convolution", "MatMul") or node.inputs[1].constant is None:
        return False
    op = node.op
    return not isinstance(op, MatMul) or (
        len(node.inputs[0].shape) == 2 and op.transpose_b and not op.transpose_a
    )


class DisjointSets:
    """Numbers 0, 1, ... in sets that only grow together."""

    def __init__(self) -> None:
        self._parent: list[int] = []

    def add(self, count: int) -> range:
        """So many new numbers, each a set of its own."""
        first = len(self._parent)
        self._parent += range(first, first + count)
        return range(first, first + count)

    def unite(self, a: int, b: int) -> None:
        self._parent[self._root(a)] = self._root(b)

    def roots(self) -> np.ndarray:
        """For each number, the one that stands for its set."""
        return np.array([self._root(i) for i in range(len(self._parent))], np.int64)

    def _root(self, i: int) -> int:
        while self._parent[i] != i:
            self._parent[i] = self._parent[self._parent[i]]
            i = self._parent[i]
        return i


class _Walk:
    """Labels every tensor, producers before consumers."""

    def __init__(self, groups: ChannelGroups) -> None:
        self.groups = groups
        self._tied = DisjointSets()

    def visit(self, node: Node) -> None:
        if node.type == "Constant":
            return
        data = [t for t in node.inputs if t.constant is None]
        if is_scalable_layer(node):
            self._label(node.output, self._new(node.output))
        elif (handed_on := self._hand_on(node, data)) is not None:
            for tensor, labels in zip(node.outputs, handed_on, strict=True):
                self._label(tensor, labels)
        else:
            for tensor in data:
                self._fix(tensor)
            for tensor in node.outputs:
                if self._has_channels(tensor):
                    self._label(tensor, self._new(tensor))
                    self._fix(tensor)

    def _hand_on(self, node: Node, data: list[Tensor]) -> list[Labels] | None:
        """The labels of a node's outputs, if it only hands scales on."""
        labels = [self.groups.labels[t] for t in data if t in self.groups.labels]
        if not data or len(labels) < len(data) or node.inputs[0].constant is not None:
            return None
        if node.type in ("Add", "Subtract"):
            return self._add(node, labels)
        if node.type == "Concat":
            return _concat(node, labels)
        if len(data) > 1:
            return None
        if node.type in ("Split", "VariadicSplit"):
            return _split(node, labels[0])
        if node.type in ("Flatten", "Reshape", "Squeeze", "Unsqueeze"):
            return _flattened(node, labels[0])
        return labels if _is_homogeneous(node) else None

    def _add(self, node: Node, labels: list[Labels]) -> list[Labels] | None:
        if len(labels) == 1:
            if channel_constant(node) is None:
                return None
            self.groups.terms.append((node, 1))
            return labels
        a, b = labels
        if len(a) != len(b) or len(node.inputs[0].shape) != len(node.inputs[1].shape):
            return None
        for x, y in zip(a, b, strict=True):
            self._tied.unite(int(x), int(y))
        return [a]

    def finish(self) -> None:
        """Replace every label by the one that stands for all it is tied to."""
        roots = self._tied.roots()
        self.groups.labels = {t: roots[labels] for t, labels in self.groups.labels.items()}
        self.groups.fixed = {int(roots[i]) for i in self.groups.fixed}

    def _has_channels(self, tensor: Tensor) -> bool:
        return tensor.dtype in FLOATS and len(tensor.shape) >= 2 and tensor.shape[1] >= 1

    def _new(self, tensor: Tensor) -> Labels:
        return np.array(self._tied.add(tensor.shape[1]))

    def _label(self, tensor: Tensor, labels: Labels) -> None:
        self.groups.labels[tensor] = labels

    def _fix(self, tensor: Tensor) -> None:
        self.groups.fixed.update(map(int, self.groups.labels.get(tensor, ())))


def _concat(node: Node, labels: list[Labels]) -> list[Labels] | None:
    joined = np.concatenate(labels)
    along_channels = node.op.axis in (1, 1 - len(node.output.shape))  # type: ignore[attr-defined]
    return [joined] if along_channels and len(joined) == node.output.shape[1] else None


def _split(node: Node, labels: Labels) -> list[Labels] | None:
    sizes = [t.shape[1] for t in node.outputs]
    if sum(sizes) != len(labels) or node.outputs[0].shape[2:] != node.inputs[0].shape[2:]:
        return None
    return np.split(labels, np.cumsum(sizes)[:-1])


def _flattened(node: Node, labels: Labels) -> list[Labels] | None:
    """(N, C, H, W) -> (N, C*H*W), where each channel becomes a run of H*W, and other shapes that
    keep (N, C).
    """
    before, after = node.inputs[0].shape, node.output.shape
    if before[0] != after[0] or len(after) < 2 or math.prod(before[1:]) != math.prod(after[1:]):
        return None
    if after[1] == len(labels):
        return [labels]
    return [np.repeat(labels, math.prod(before[2:]))] if len(after) == 2 else None


def _is_homogeneous(node: Node) -> bool:
    """Whether f(x / s) = f(x) / s for any s > 0 of each channel; the node has one input that is
    not constant.
    """
    if node.type == "Multiply":
        return channel_constant(node) is not None
    if node.type in _REDUCTIONS:
        axes = node.inputs[1].constant
        return axes is not None and all(int(a) % len(node.inputs[0].shape) > 1 for a in np.ravel(axes))
    return node.type in _HOMOGENEOUS and node.output.shape[1] == node.inputs[0].shape[1]
