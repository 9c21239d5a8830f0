"""Transposed convolutions as rows of a program: a row for each phase
(kernels/layers/transposed_convolution.py), all with the same end.
"""

from functools import partial
from typing import NamedTuple

import numpy as np

from numpot.kernels.layers.transposed_convolution import Phase, phase_weights, phases
from numpot.kernels.layout.weight_packing import PackedWeights, pack_float_convolution
from numpot.kernels.saturation import number_of_pairs, pairings, provably_safe

from ...graph import Node
from . import float_layers
from .builder import Context, Image, LayerKernel, Tallied, image, window_of
from .fusion import Chain
from .integer_epilogue import take_epilogue
from .integer_layers import IntegerLayer, dense_row
from .packed_weights import packed

CANNOT_CLIP = 128  # the largest code of which two, times any weights, fit 16 bits


class Transposed(NamedTuple):
    """weights: (C,O/groups,kh,kw); x, y: input and output; phases: each with its weights (O,G,kh',kw')."""

    weights: np.ndarray
    groups: int
    x: Image
    y: Image
    phases: list[tuple[Phase, np.ndarray]]


def integers(node: Node, chain: Chain, context: Context) -> list[LayerKernel] | None:
    """ConvolutionBackpropDataInteger and what integer_epilogue.py takes over behind it."""
    layer, zero_point = _transposed(node, chain, context), chain.constant(node.inputs[2])
    if layer is None or zero_point is None:
        return None
    by_output = _by_output(layer)
    is_safe = packed(
        layer.weights, ("safe by output", layer.groups), lambda: bool(provably_safe(by_output).all())
    )
    arithmetic, zero = node.op.arithmetic, int(zero_point.item())  # type: ignore[attr-defined]
    if arithmetic == "saturating" and zero > CANNOT_CLIP and not is_safe:
        return None  # pairs of the border would clip, and by definition there is no border
    integer = IntegerLayer(arithmetic, layer.groups, zero, layer.x, layer.y, "transposed convolution")
    pairs = sum(number_of_pairs((*phase.size, layer.y[2]), w.shape) for phase, w in layer.phases)
    tallied = Tallied(by_output, pairs, partial(pairings, by_output.shape, groups=layer.groups), is_safe)
    end = take_epilogue(chain, context.slots, layer.y[2])
    return [
        dense_row(integer, w, phase.window, phase, end, tallied, node, context) for phase, w in layer.phases
    ]


def floats(node: Node, chain: Chain, context: Context) -> list[LayerKernel] | None:
    """ConvolutionBackpropData [-> Add bias] [-> ReLU | Clamp] [-> Add branch [-> ReLU | Clamp]]; depthwise
    without the branch.
    """
    layer = _transposed(node, chain, context)
    if layer is None or layer.weights.dtype != np.float32:
        return None
    depthwise = layer.groups == len(layer.weights) and layer.weights.shape[1] == 1
    end = float_layers.take_end(chain, context, layer.y[2], with_branch=not depthwise)
    rows = []
    for phase, w in layer.phases:
        if depthwise and w.size:
            where = (phase.window, phase, layer.x, layer.y, "transposed depthwise f32")
            rows.append(float_layers.depthwise_row(node, context, end, w, *where))
        else:
            weights = _packed_floats(w, layer.groups)
            rows.append(
                float_layers.dense_row(
                    node, end, weights, phase.window, phase, layer.x, layer.y, "transposed convolution f32"
                )
            )
    return rows


def _packed_floats(w: np.ndarray, groups: int) -> PackedWeights:
    return packed(w, ("f32", groups), lambda: pack_float_convolution(w, groups))


def _transposed(node: Node, chain: Chain, context: Context) -> Transposed | None:
    weights, op = chain.constant(node.inputs[1]), node.op
    x, y = image(node.inputs[0], context.slots), image(node.output, context.slots)
    if weights is None or weights.ndim != 4 or x is None or y is None:
        return None
    groups: int = op.groups  # type: ignore[attr-defined]

    def weights_of(phase: Phase) -> np.ndarray:
        return packed(weights, ("phase", phase.taps, groups), lambda: phase_weights(weights, phase, groups))

    found = phases(window_of(op, weights.shape[2:]), x[:2], y[:2])
    return Transposed(weights, groups, x, y, [(phase, weights_of(phase)) for phase in found])


def _by_output(layer: Transposed) -> np.ndarray:
    """(O,G,kh,kw)"""
    w, groups = layer.weights, layer.groups
    return (
        w.reshape(groups, len(w) // groups, *w.shape[1:])
        .swapaxes(1, 2)
        .reshape(-1, len(w) // groups, *w.shape[2:])
    )
