"""A transposed convolution as ordinary ones, one for each *phase* of its strides: none of them multiplies by
inserted zeros.

Along one axis, input i paints, with tap k, the place c = i * stride + k * dilation of the canvas. So a place
sees only taps with k * dilation = c (mod stride), and places that agree in c mod stride see the same taps.
Stride 2, kernel 4:

    canvas   0    1    2    3    4  ...
    even     i0   .    i1   .    i2          taps 2, 0 of two neighbouring inputs
    odd      .    i0   .    i1   .           taps 3, 1

The taps of a phase, the last one first, are the kernel of a convolution with stride 1 whose results lie
`stride` pixels apart (output_layout.py). The sum is of the same products, and pairs the same channels; what
lies outside of the input is border there, and paints nothing here.
"""

import math
from itertools import product
from typing import NamedTuple

from ..layout.output_layout import OutputGrid
from ..layout.window import Pair, Window
from ..reference import Array


class Phase(NamedTuple):
    """One of the convolutions: its window on the input, its taps of the whole kernel, and its positions."""

    window: Window
    # vertical, horizontal; none of them if no tap paints these positions
    taps: tuple[tuple[int, ...], tuple[int, ...]]
    size: Pair
    output_grid: OutputGrid


class _Axis(NamedTuple):
    """A phase along one axis."""

    taps: tuple[int, ...]
    dilation: int
    begin: int
    end: int
    first: int
    size: int


def phases(window: Window, size: Pair, output: Pair) -> list[Phase]:
    """window: of the transposed convolution, its pads taken off the canvas; size: (H,W) of the input; output:
    (H',W').
    """
    kernel, strides, dilations, pads, _ = window
    axes = [
        _axis_phases(*numbers) for numbers in zip(kernel, strides, dilations, pads, size, output, strict=True)
    ]
    return [_phase(v, h, window.strides, size, output) for v, h in product(*axes)]


def _axis_phases(kernel: int, stride: int, dilation: int, pad: int, size: int, output: int) -> list[_Axis]:
    found = []
    for first in range(min(stride, output)):
        start, remainder = divmod(first + pad, stride)  # of the canvas, in strides
        taps = tuple(k for k in reversed(range(kernel)) if k * dilation % stride == remainder)
        step, positions = dilation // math.gcd(dilation, stride), -(-(output - first) // stride)
        begin = (taps[0] * dilation - remainder) // stride - start if taps else 0
        end = positions + step * max(len(taps) - 1, 0) - size - begin
        found.append(_Axis(taps, step, begin, end, first, positions))
    return found


def _phase(v: _Axis, h: _Axis, strides: Pair, size: Pair, output: Pair) -> Phase:
    output_grid = OutputGrid(output, (v.first, h.first), strides)
    if not v.taps or not h.taps:
        window = Window((1, 1), pads_end=(v.size - size[0], h.size - size[1]))
        return Phase(window, ((), ()), (v.size, h.size), output_grid)
    window = Window(
        (len(v.taps), len(h.taps)), (1, 1), (v.dilation, h.dilation), (v.begin, h.begin), (v.end, h.end)
    )
    return Phase(window, (v.taps, h.taps), (v.size, h.size), output_grid)


def phase_weights(w: Array, phase: Phase, groups: int) -> Array:
    """(C,O/groups,kh,kw) -> (O,C/groups,kh',kw') of the phase, same dtype; (O,0,1,1) if it has no taps."""
    rows, columns = phase.taps
    C, outputs, *_ = w.shape
    if not rows:
        return w.reshape(-1)[:0].reshape(groups * outputs, 0, 1, 1)
    taps = w[:, :, rows][:, :, :, columns].reshape(groups, C // groups, outputs, len(rows), len(columns))
    return taps.swapaxes(1, 2).reshape(groups * outputs, C // groups, len(rows), len(columns))
