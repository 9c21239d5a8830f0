"""What is trained: the codes of int8 weights, the weights of layers left in float, and biases. Everything
else stays as it is (docs/finetuning.md).

    q = floor(m + 1/2),   w = (q - z) s,   dw taken as the derivative by (m - z) s           (T8)

The master copy m of a weight is a real number in units of its code q, and starts at the code; s and z are
scale and zero point. A step moves m, each forward pass rounds it, as int8_weights.py does, and the gradient
passes straight through the rounding. After each step the master is brought back within two limits, so that
one at the edge can return; they keep what was known of the model true:

- no code below the smallest or above the largest that the layer's weights had: 7-bit weights stay on 7 bits,
  4-bit ones on 4;
- where no pair of an output channel's weights could saturate 16 bits (kernels/saturation.py), none can
  afterwards.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from numpot.ir.dtypes import I8, U8
from numpot.ir.graph import Graph, Node, Tensor
from numpot.ir.ops.constant import Constant
from numpot.ir.ops.matmul import MatMul
from numpot.kernels.reference import INT16_MAX
from numpot.kernels.saturation import pairs_are_safe

from ..layers.device_operators import WEIGHTED
from ..layers.weighted_layers import bias_add, output_channel_axis_of_weights
from ..weights.saturation_fix import layer_pairings

# of two codes of one sign that stand side by side, if no activations may make them saturate
LARGEST_PAIR = INT16_MAX // 255


class Trained:
    """A float tensor of a model: a bias, or weights that were left in float.

    tensor: what the model reads. source: the Constant that holds it. master: float32, moved by the optimizer.
    """

    def __init__(self, tensor: Tensor, source: Node, master: np.ndarray) -> None:
        self.tensor, self.source, self.master = tensor, source, master.astype(np.float32)

    @property
    def value(self) -> np.ndarray:
        """What the model reads, float32."""
        return self.master

    @property
    def stored(self) -> np.ndarray:
        """What the model's file holds."""
        return self.master

    def move(self, step: np.ndarray) -> None:
        """step: what to add to what the model reads, before rounding."""
        self.master = self.master + step


@dataclass(frozen=True)
class Dequantization:
    """Codes in a Constant, and how a model makes weights of them: (codes - zero_point) * scale."""

    source: Node
    codes: np.ndarray
    scale: np.ndarray
    zero_point: np.ndarray | None


class TrainedCodes(Trained):
    """Integer weights: see the module."""

    def __init__(self, tensor: Tensor, how: Dequantization, layer: Node) -> None:
        self._codes = how.codes
        super().__init__(tensor, how.source, how.codes)
        self._scale, self._zero_point = how.scale, how.zero_point
        self._limits = float(how.codes.min()), float(how.codes.max())
        self._places = pair_places(layer, how.codes.shape) if how.codes.dtype == I8 else []
        flat = _and_zero(how.codes)
        self._safe = np.all(
            [pairs_are_safe(flat[places]).all(axis=(1, 2)) for places in self._places], axis=0
        )

    @property
    def codes(self) -> np.ndarray:
        """The master rounded (T8), float32. Half of an odd excess is a fraction: both codes of the pair
        then come nearer to zero.
        """
        return np.trunc(self._limited(np.floor(self.master + np.float32(0.5))))

    @property
    def value(self) -> np.ndarray:
        codes = self.codes
        return (codes if self._zero_point is None else codes - self._zero_point) * self._scale

    @property
    def stored(self) -> np.ndarray:
        return self.codes.astype(self._codes.dtype)

    def move(self, step: np.ndarray) -> None:
        self.master = self._limited(self.master + step / self._scale)

    def _limited(self, codes: np.ndarray) -> np.ndarray:
        """Within the layer's codes, and pairs of safe channels within 16 bits."""
        inside = np.clip(codes, *self._limits)
        if max(map(abs, self._limits)) <= LARGEST_PAIR / 2:
            return inside
        flat = _and_zero(inside)
        for places in self._places:  # codes only come nearer to zero, so what was safe in one order stays so
            flat[places[self._safe]] = safe_pairs(flat[places[self._safe]])
        return flat[:-1].reshape(codes.shape)


def safe_pairs(pairs: np.ndarray) -> np.ndarray:
    """(...,2) float: where two of one sign add up to more than 16 bits allow, each gives up half of the
    excess.

    Each is at most 128, so it never gives up more than it has. Source: kernels/saturation.py.
    """
    up = np.maximum(np.maximum(pairs, 0).sum(axis=-1, keepdims=True) - LARGEST_PAIR, 0) / 2
    down = np.maximum(np.maximum(-pairs, 0).sum(axis=-1, keepdims=True) - LARGEST_PAIR, 0) / 2
    return pairs - up * (pairs > 0) + down * (pairs < 0)


def pair_places(layer: Node, shape: tuple[int, ...]) -> list[np.ndarray]:
    """For each way in which some processor pairs the layer's products: where the pairs lie in the flat
    weights, (O,n,2) s64.

    shape: of the weights, whose size itself stands beside one that is alone. Nothing of a depthwise
    convolution.
    """
    numbers = np.arange(math.prod(shape)).reshape(shape if len(shape) > 1 else (1, -1))
    matrix = isinstance(layer.op, MatMul) and not layer.op.transpose_b and len(shape) > 1
    rows = numbers.swapaxes(0, 1) if matrix or output_channel_axis_of_weights(layer) == 1 else numbers
    flat = np.pad(rows.reshape(len(rows), -1), ((0, 0), (0, 1)), constant_values=numbers.size)
    return [flat[:, way] for way in layer_pairings(layer, rows.shape)]


def _and_zero(codes: np.ndarray) -> np.ndarray:
    """Flat, with a zero at the end for weights that are alone to stand beside."""
    return np.append(codes.reshape(-1), np.zeros(1, codes.dtype))


# ---- where it stands in a graph ----------------------------------------------------------------------------


def find_weights(graph: Graph) -> list[tuple[Trained, Node]]:
    """The weights of all layers, integers and floats, each with its layer, in the order of the graph; of two
    that share them, the first.
    """
    found: dict[Tensor, tuple[Trained, Node]] = {}
    for layer in graph.topological_order():
        if layer.type not in WEIGHTED or layer.inputs[1] in found:
            continue
        tensor = layer.inputs[1]
        how = dequantization(tensor)
        if how is not None:
            found[tensor] = TrainedCodes(tensor, how, layer), layer
        elif tensor.constant is not None and tensor.constant.dtype == np.float32:
            found[tensor] = Trained(tensor, tensor.producer, tensor.constant), layer
    return list(found.values())


def find_biases(graph: Graph) -> list[tuple[Trained, Tensor]]:
    """The biases of all layers, each with the tensor that it was added to make."""
    found: dict[Tensor, tuple[Trained, Tensor]] = {}
    for add in filter(
        None, (bias_add(layer) for layer in graph.topological_order() if layer.type in WEIGHTED)
    ):
        tensor = add.inputs[1]
        if tensor.constant is not None and tensor.constant.dtype == np.float32:
            found.setdefault(tensor, (Trained(tensor, tensor.producer, tensor.constant), add.output))
    return list(found.values())


def dequantization(tensor: Tensor) -> Dequantization | None:
    """The codes behind weights as int8_weights.py stores them, Constant -> Convert -> [Subtract] -> Multiply;
    None if it is not so.
    """
    if tensor.producer.type != "Multiply":
        return None
    values, scale = tensor.producer.inputs
    subtract = [values.producer] if values.producer.type == "Subtract" else []
    convert = subtract[0].inputs[0].producer if subtract else values.producer
    if convert.type != "Convert":
        return None
    codes = convert.inputs[0]
    arrays = [
        t.constant for t in (codes, scale, *(node.inputs[1] for node in subtract)) if t.constant is not None
    ]
    if len(arrays) < 2 + len(subtract) or arrays[0].dtype not in (I8, U8) or len(codes.consumers) != 1:
        return None
    zero_point = arrays[2].astype(np.float32) if subtract else None
    return Dequantization(codes.producer, arrays[0], arrays[1].astype(np.float32), zero_point)


def with_trained(graph: Graph, trained: Iterable[Trained]) -> Graph:
    """A copy of the graph that holds what was trained, every node by its name and in its place."""
    twin = graph.copy()
    for one in trained:
        twin.replace_op(twin.nodes[one.source.name], Constant(value=one.stored))
    twin.infer()  # what is known of the tensors behind them
    return twin
