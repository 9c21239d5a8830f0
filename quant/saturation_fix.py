"""Narrower weights where pairs of products could saturate on CPUs without VNNI (docs/arithmetic.md, eq. 12 and 13).

The weights of a chosen layer are divided by a factor, quantized with the bounds of the whole, and multiplied again on the way out. POT's
factor is 2: integers then lie in [-63, 64], and 255 * 64 + 255 * 64 = 32640 fits whatever the weights. numpot's `auto` takes, for each
output channel, the least factor at which its own worst pair fits, which often keeps most of the eighth bit.
"""

from collections.abc import Callable

import numpy as np

from numpot.ir.graph import Graph, Node
from numpot.kernels.saturation import pairs_anywhere, pairs_are_safe

from .defaults import FITTING_STEP, SATURATION_FACTOR, SaturationFix
from .hardware import WEIGHTED

#: (weights, high, whether of a depthwise convolution) -> what to divide them by.
WeightFactor = Callable[[np.ndarray, np.ndarray, bool], float | np.ndarray]


def weight_factors(graph: Graph, mode: SaturationFix, aligned: set[str]) -> dict[str, WeightFactor]:
    """Layer name -> its factor, for the layers known before the model runs to need one.

    first_layer: every convolution that an input reaches without passing another. all: every weighted layer. auto-strict: every weighted
    layer, by its fitting factor. auto: none yet; those that clip on the samples are found later. no: none.
    aligned: consumers of channel-aligned pairs; alignment may have made their weights large, so POT's active modes include them.
    A model without a convolution is left alone by POT's modes.
    """
    if mode in ("no", "auto"):
        return {}
    if mode == "auto-strict":
        return {node.name: fitting_factor for node in graph.of_type("Convolution", "MatMul")}
    if not graph.of_type("Convolution"):
        return {}
    names = {node.name for node in graph.of_type(*WEIGHTED)} if mode == "all" else {n.name for n in first_convolutions(graph)} | aligned
    return dict.fromkeys(names, half)


def half(weights: np.ndarray, high: np.ndarray, is_depthwise: bool) -> float:
    """POT's factor: 7 bits."""
    return SATURATION_FACTOR


def fitting_factor(weights: np.ndarray, high: np.ndarray, is_depthwise: bool) -> np.ndarray:
    """The least factor, for each output channel, at which no pair of its symmetric codes can clip (eq. 12).

    weights: (O, I, ...) float32. high: (O, 1, ...), what code 127 stands for. Returns (O, 1, ...) float64, 1 to 2.
    """
    if is_depthwise:
        return np.ones(high.shape)
    pairs = pairs_anywhere(weights * (127.0 / high.astype(np.float64)))
    one_sided = np.maximum(np.maximum(pairs, 0).sum(axis=2), np.maximum(-pairs, 0).sum(axis=2))
    factor = np.maximum(one_sided.max(axis=1) / 128, 1.0)
    while (unsafe := ~pairs_are_safe(_rounded(pairs / factor[:, None, None])).all(axis=(1, 2))).any():  # rounding may add one to a sum
        factor[unsafe] = np.minimum(factor[unsafe] + FITTING_STEP, SATURATION_FACTOR)
    return factor.reshape(high.shape)


def _rounded(codes: np.ndarray) -> np.ndarray:
    """As compression.py rounds: a half goes up (eq. C7)."""
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
