"""Narrow weights where pairs of products could saturate on CPUs without VNNI (docs/arithmetic.md, eq. 12 and
13).

    255 (max(w_0, 0) + max(w_1, 0)) <= 32767   and   255 (min(w_0, 0) + min(w_1, 0)) >= -32768     (12)
    255 * 64 * 2 = 32640 <= 32767                                                                  (13)

A pair of weight codes w_0, w_1 for which (12) holds fits 16 bits whatever the activations. The weights of a
chosen layer are divided by a factor, quantized with the bounds of the whole, and multiplied again on the way
out. POT's factor is 2: integers then lie in [-63, 64], and any pair fits by (13). numpot's `auto` takes, for
each output channel, the least factor at which its own worst pair fits, which often keeps most of the eighth
bit.
"""

from collections.abc import Callable, Collection, Sequence

import numpy as np

from numpot.ir.graph import Graph, Node
from numpot.kernels.saturation import chosen_pairs, pairings, pairs_are_safe

from ..defaults import FITTING_STEP, SATURATION_FACTOR, SaturationFix, TargetDevice
from ..layers.device_operators import WEIGHTED
from ..ranges.schemes import SATURATING_DEVICES

#: (weights, high, pairings of the layer) -> what to divide them by; output channels first.
WeightFactor = Callable[[np.ndarray, np.ndarray, Sequence[np.ndarray]], float | np.ndarray]


def weight_factors(
    graph: Graph, mode: SaturationFix, aligned: Collection[str], device: TargetDevice = "ANY"
) -> dict[str, WeightFactor]:
    """Layer name -> its factor, for the layers known before the model runs to need one.

    first_layer: every convolution that an input reaches without passing another. all: every weighted layer.
    auto-strict: every weighted layer, by its fitting factor. auto: none yet; those that clip on the samples
    are found later. no: none. aligned: consumers of channel-aligned pairs; alignment may have made their
    weights large, so POT's active modes include them. POT's modes, first_layer and all, leave a model
    without a convolution alone, and do nothing for a device that cannot saturate.
    """
    if mode in ("no", "auto"):
        return {}
    if mode == "auto-strict":
        return {node.name: fitting_factor for node in graph.of_type(*WEIGHTED)}
    if device not in SATURATING_DEVICES or not graph.of_type("Convolution"):
        return {}
    names = (
        {node.name for node in graph.of_type(*WEIGHTED)}
        if mode == "all"
        else {n.name for n in first_convolutions(graph)} | set(aligned)
    )
    return dict.fromkeys(names, half)


def half(weights: np.ndarray, high: np.ndarray, ways: Sequence[np.ndarray]) -> float:
    """POT's factor: 7 bits."""
    return SATURATION_FACTOR


def fitting_factor(weights: np.ndarray, high: np.ndarray, ways: Sequence[np.ndarray]) -> np.ndarray:
    """The least factor, for each output channel, at which no pair of its symmetric codes can clip (12).

    weights: (O, I, ...) float32. high: (O, 1, ...), what code 127 stands for, or one number for all. ways:
    `pairings` of the layer. Returns float64 like high, 1 to 2.
    """
    if not ways:
        return np.ones(high.shape)
    codes = weights * (127.0 / high.astype(np.float64))
    pairs = np.concatenate([chosen_pairs(codes, way) for way in ways], axis=1)  # (O,n,2)
    one_sided = np.maximum(np.maximum(pairs, 0).sum(axis=2), np.maximum(-pairs, 0).sum(axis=2))
    factor = np.maximum(one_sided.max(axis=1) / 128, 1.0)
    # rounding may add one to a sum
    while (unsafe := ~pairs_are_safe(_rounded(pairs / factor[:, None, None])).all(axis=(1, 2))).any():
        factor[unsafe] = np.minimum(factor[unsafe] + FITTING_STEP, SATURATION_FACTOR)
    return factor.max().reshape(high.shape) if high.size == 1 else factor.reshape(high.shape)


def layer_pairings(layer: Node, weights: Sequence[int]) -> list[np.ndarray]:
    """The ways in which processors pair a layer's products (kernels/saturation.py). weights: their shape,
    output channels first.
    """
    return pairings(weights, groups=getattr(layer.op, "groups", 1), is_matrix=layer.type == "MatMul")


def _rounded(codes: np.ndarray) -> np.ndarray:
    """As int8_weights.py rounds: a half goes up."""
    return (np.floor(np.clip(codes, -127, 127) + 127.5) - 127).astype(np.int8)


def first_convolutions(graph: Graph) -> set[Node]:
    """Convolutions that some path from a model input reaches before any other convolution."""
    first: set[Node] = set()
    seen: set[Node] = set(graph.inputs)
    todo = list(graph.inputs)
    while todo:
        node = todo.pop()
        if node.type == "Convolution":
            first.add(node)
            continue
        for use in (use for t in node.outputs for use in t.consumers):
            if use.node not in seen:
                seen.add(use.node)
                todo.append(use.node)
    return first
