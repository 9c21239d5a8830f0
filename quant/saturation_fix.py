"""Narrower weights where pairs of products could saturate on CPUs without VNNI (docs/arithmetic.md, eq. 12 and 13).

The weights of a chosen layer are divided by a factor, quantized with the bounds of the whole, and multiplied again on the way out. POT's
factor is 2: integers then lie in [-63, 64], and 255 * 64 + 255 * 64 = 32640 fits whatever the weights. numpot's `auto` takes, for each
output channel, the least factor at which its own worst pair fits, which often keeps most of the eighth bit.
"""

from collections.abc import Callable

import numpy as np

from numpot.ir.graph import Graph, Node
from numpot.kernels.saturation import provably_safe

from .defaults import FITTING_STEP, SATURATION_FACTOR, SaturationFix
from .hardware import WEIGHTED

WeightFactor = Callable[[np.ndarray, np.ndarray], float | np.ndarray]  # (weights, high) -> what to divide them by


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


def half(weights: np.ndarray, high: np.ndarray) -> float:
    """POT's factor: 7 bits."""
    return SATURATION_FACTOR


def fitting_factor(weights: np.ndarray, high: np.ndarray) -> np.ndarray:
    """The least factor, for each output channel, at which no pair of its symmetric codes can clip (eq. 12).

    weights: (O, I, ...) float32, pairs lie along I. high: (O, 1, ...), what code 127 stands for. Returns (O, 1, ...) float64, 1 to 2.
    """
    out_channels = len(weights)
    codes = weights.reshape(out_channels, weights.shape[1], -1, 1) * (127.0 / high.reshape(-1, 1, 1, 1).astype(np.float64))
    padded = np.pad(codes, ((0, 0), (0, codes.shape[1] % 2), (0, 0), (0, 0)))
    first, second = padded[:, 0::2], padded[:, 1::2]
    positive = np.maximum(first, 0) + np.maximum(second, 0)
    negative = np.maximum(-first, 0) + np.maximum(-second, 0)
    factor = np.maximum(np.maximum(positive, negative).max(axis=(1, 2, 3)) / 128, 1.0)
    while (unsafe := ~provably_safe(_rounded(codes / factor[:, None, None, None]))).any():  # rounding may add one to a sum
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
