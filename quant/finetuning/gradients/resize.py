"""Interpolate: along each axis a matrix of weights, so backwards its transpose."""

import numpy as np

from numpot.ir.ops.interpolate import Interpolate, Resize

from .registry import Call, Gradients, gradient


@gradient("Interpolate")
def interpolate(call: Call, dy: np.ndarray) -> Gradients:
    x, target, axes = call.inputs
    for resize in call.op.resizes(x.shape, target, axes):
        weights = _weights(call.op, resize).astype(dy.dtype)
        dy = np.moveaxis(np.moveaxis(dy, resize.axis, -1) @ weights, -1, resize.axis)
    return [dy]


def _weights(op: Interpolate, resize: Resize) -> np.ndarray:
    """(output, size): how much of each element is in each output position."""
    coordinates = op.coordinates(resize)
    weights = np.zeros((resize.output, resize.size), np.float32)
    rows = np.arange(resize.output)
    if op.mode == "nearest":
        weights[rows, op.nearest(coordinates, resize)] = 1
    else:
        indices, shares = op.neighbours(coordinates, resize.size)
        np.add.at(weights, (rows[:, None], indices), shares)  # at the border the same element is met twice
    return weights
