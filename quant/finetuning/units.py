"""Compute the unit of each parameter's steps, so that one learning rate suits all layers (eq. T14 in
docs/finetuning.md).

    u_o = |y_o|  for a bias,   u_oi = |y_o| / (sqrt(K) |x_i|)  for a weight                  (T14)

u is the unit of a parameter: what it can do to its layer's output. y_o is an output channel, x_i an input
channel, |.| the root mean square on the first batch, and K the number of weights to an output. So a step of
learning rate R changes an output by about R times its typical size, its K weights going this way and that.
Adam's steps are as large for a weight of thousands as for one of nine, and for an input that is mostly zero
as for any other: without this measure, a rate that suits small layers would tear large ones apart.
"""

import math

import numpy as np

from numpot.ir.graph import Node
from numpot.ir.ops.matmul import MatMul

from ..ranges.bounds import lift_dead_channels
from .gradients import unbroadcast


def bias_unit(sums: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """sums: what the bias was added to make. Returns an array of the bias's shape."""
    return typical_size(sums, bias.shape)


def weight_unit(weights: tuple[int, ...], x: np.ndarray, y: np.ndarray, layer: Node) -> np.ndarray:
    """weights: their shape. x, y: the layer's input and output. Returns an array that broadcasts against the
    weights.
    """
    if isinstance(layer.op, MatMul):
        inputs, outputs = _of_matrix(weights, x, y, layer.op)
        return outputs / (
            np.float32(math.sqrt(weights[-1 if layer.op.transpose_b or len(weights) == 1 else -2])) * inputs
        )
    groups: int = layer.op.groups  # type: ignore[attr-defined]
    inputs, outputs, rows = _of_channels(x), _of_channels(y), weights[0] // groups
    transposed = layer.type == "ConvolutionBackpropData"
    root = np.float32(math.sqrt((rows if transposed else weights[1]) * math.prod(weights[2:])))
    by_row, by_column = (inputs, outputs) if transposed else (outputs, inputs)
    # every row of a group meets the channels of that group
    column = np.repeat(by_column.reshape(groups, -1), rows, axis=0)
    row = by_row[:, None]
    unit = column / (root * row) if transposed else row / (root * column)
    return unit.reshape(*unit.shape, *(1,) * (len(weights) - 2))


def typical_size(x: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Root mean square of what broadcasting would stretch an array of `shape` over; 1 % of the largest at
    least (ranges/bounds.py).
    """
    squares = unbroadcast(np.square(x), shape)
    return lift_dead_channels(np.sqrt(squares / np.float32(x.size / squares.size)))


def _of_matrix(
    weights: tuple[int, ...], x: np.ndarray, y: np.ndarray, op: MatMul
) -> tuple[np.ndarray, np.ndarray]:
    """The typical sizes of inputs and outputs, each along its axis of the weights; a vector has
    one output.
    """
    inputs = _of_last_axis(x.swapaxes(-1, -2) if op.transpose_a and x.ndim > 1 else x)
    if len(weights) == 1:
        return inputs, typical_size(y, ())
    outputs = _of_last_axis(y)
    return (inputs, outputs[:, None]) if op.transpose_b else (inputs[:, None], outputs)


def _of_channels(x: np.ndarray) -> np.ndarray:
    """(N,C,*spatial) -> (C,)."""
    return _of_last_axis(np.moveaxis(x, 1, -1))


def _of_last_axis(x: np.ndarray) -> np.ndarray:
    return typical_size(x, x.shape[-1:])
