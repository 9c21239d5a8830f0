"""Compute what an error in a channel of a tensor costs the layers that read it (eq. S11 in
docs/calibration.md).

    g_c = mean over o of |W_oc|^2 / (sum over k of |W_ok|^2 P_k)                              (S11)

g_c is what a squared error of 1 in channel c adds to the noise of a layer's outputs o, relative to their
power; W are the layer's weights, P_k the mean square of input channel k. One range for a whole tensor must
suit channels of very different sizes. Squared error alone serves the largest, though a layer may read a small
channel with large weights.
"""

import numpy as np

from numpot.ir.graph import Node, Tensor

from ..layers.device_operators import WEIGHTED, is_depthwise
from ..placement.quantizer import Quantizer
from ..statistics.histogram import Histogram


def channel_axis_of(quantizer: Quantizer) -> int | None:
    """The axis along which the readers' weights tell channels apart; None if the tensor has but its batch."""
    rank = len(quantizer.tensor.shape)
    if rank < 2:
        return None
    return 1 if rank > 3 or any(n.type.startswith("Convolution") for n in quantizer.layers) else rank - 1


def importance(quantizer: Quantizer, histogram: Histogram) -> np.ndarray:
    """(C,): what a squared error of 1 in every value of a channel adds to the mean noise-to-signal ratio of
    the readers' outputs.

    Outputs are taken for sums of independent terms: the power of output o is the sum over channels of
    |W_oc|^2 P_c. A reader without constant weights, and one whose channels are not the tensor's, counts every
    channel relative to its own power.
    """
    power = histogram.power
    total = np.zeros(len(power))
    for layer in quantizer.layers:
        gains = _gains(layer, len(power))
        if gains is None:
            total += np.divide(1.0, power, out=np.zeros(len(power)), where=power > 0) / len(power)
        else:
            signal = gains @ power
            total += np.divide(
                gains, signal[:, None], out=np.zeros_like(gains), where=signal[:, None] > 0
            ).mean(axis=0)
    return total


def _gains(layer: Node, channels: int) -> np.ndarray | None:
    """(O, C) float64, |W_oc|^2: from the power of an input channel to its part in the power of an output."""
    weights = _weights(layer)
    if weights is None:
        return None
    squares = np.square(weights.astype(np.float64)).reshape(*weights.shape[:2], -1).sum(axis=2)  # (O, I)
    groups = getattr(layer.op, "groups", 1)
    if groups > 1:
        return _of_groups(squares, groups) if squares.shape[1] * groups == channels else None
    if squares.shape[1] % channels:
        return None
    # several columns a channel behind a Flatten
    return squares.reshape(len(squares), channels, -1).sum(axis=2)


def _weights(layer: Node) -> np.ndarray | None:
    """Output channels first; None for a layer that has none, or one for each channel alone."""
    if layer.type not in WEIGHTED or is_depthwise(layer):
        return None
    tensor: Tensor = layer.inputs[1]
    if (
        tensor.constant is None
        or tensor.constant.ndim < 2
        or (layer.type == "MatMul" and tensor.constant.ndim != 2)
    ):
        return None
    if layer.type == "ConvolutionBackpropData":
        return np.swapaxes(tensor.constant, 0, 1) if layer.op.groups == 1 else None  # type: ignore[attr-defined]
    return tensor.constant


def _of_groups(squares: np.ndarray, groups: int) -> np.ndarray:
    """(O, I) of each group -> (O, I * groups), zero outside the group."""
    outputs, inputs = squares.shape
    spread = np.zeros((groups, outputs // groups, groups, inputs))
    own = np.arange(groups)
    spread[own, :, own] = squares.reshape(groups, outputs // groups, inputs)
    return spread.reshape(outputs, groups * inputs)
