"""Resizing images (N,H,W,C): every output pixel is one of the input's, or a weighted sum of some, first along columns, then along lines.

The float32 sums are those of the definition: every product and every sum is rounded, taps in their order.
"""

from typing import NamedTuple

import numpy as np

from .jit import kernel
from .reference import Array
from .share import Share, claim, finish, wait
from .vectors import copy_bytes


class Taps(NamedTuple):
    """Along one axis: which positions of the input each output position sees, and with which weights; one that is chosen, of weight 1."""

    indices: Array  # (output, taps) s64
    weights: Array  # (output, taps) f32


@kernel
def chosen_units(x: Array, rows: Taps, columns: Taps, out: Array, share: Share) -> None:
    """This thread's share of the lines, and the wait for the others. x (N,H,W,bytes) u8 -> out (N,H',W',bytes): whole pixels."""
    height, width, size = out.shape[1:]
    lines = out.shape[0] * height
    source, target = x.reshape(-1), out.reshape(-1)
    while True:
        unit = claim(share)
        if unit >= lines:
            break
        first = (unit // height * x.shape[1] + rows.indices[unit % height, 0]) * x.shape[2]
        for column in range(width):
            copy_bytes(target, (unit * width + column) * size, source, (first + columns.indices[column, 0]) * size, size)
        finish(share)
    wait(share, lines)


@kernel
def weighted_units(x: Array, rows: Taps, columns: Taps, out: Array, share: Share) -> None:
    """The same for sums: (N,H,W,C) f32 -> out (N,H',W',C) f32."""
    height, width, channels = out.shape[1:]
    lines = out.shape[0] * height
    line = np.empty(x.shape[2] * channels, np.float32)
    flat = x.reshape(x.shape[0], x.shape[1], -1)
    while True:
        unit = claim(share)
        if unit >= lines:
            break
        image, row = unit // height, unit % height
        for tap in range(rows.weights.shape[1]):
            _add(flat[image, rows.indices[row, tap]], rows.weights[row, tap], tap == 0, line)
        for column in range(width):
            for tap in range(columns.weights.shape[1]):
                first = columns.indices[column, tap] * channels
                _add(line[first : first + channels], columns.weights[column, tap], tap == 0, out[image, row, column])
        finish(share)
    wait(share, lines)


@kernel
def _add(x: Array, weight: np.float32, is_first: bool, out: Array) -> None:
    """out = x * weight, or += it."""
    if is_first:
        for i in range(len(out)):
            out[i] = x[i] * weight
    else:
        for i in range(len(out)):
            out[i] += x[i] * weight
