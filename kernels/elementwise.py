"""What happens between layers, element by element: codes and back, another layout, sums, copies. (N,P,C): P positions of C channels.

The work of a unit is one part, of `parts`, of the positions of an image. All float32 arithmetic is that of the operators' definitions.
"""

from typing import NamedTuple

import numpy as np

from .jit import kernel
from .reference import Array
from .share import Share, claim, finish, wait

STRETCH = 256  # positions that are computed before they are spread over channels


class Affine(NamedTuple):
    """x * multiplier + shift of each channel; the way back is (code - shift) * multiplier."""

    multiplier: Array  # (C,) f32
    shift: Array  # (C,) f32


class Clip(NamedTuple):
    low: np.float32
    high: np.float32


@kernel
def quantize_units(x: Array, affine: Affine, by_channel: bool, out: Array, share: Share, parts: int) -> None:
    """f32 -> codes out (N,P,C) u8 (eq. 10). by_channel: x is (N,C,P), else (N,P,C)."""
    images, positions, channels = out.shape
    line = np.empty(STRETCH, np.uint8)
    while True:
        unit = claim(share)
        if unit >= images * parts:
            break
        image, part = unit // parts, unit % parts
        first, stop = part * positions // parts, (part + 1) * positions // parts
        if by_channel and channels > 1:
            for begin in range(first, stop, STRETCH):
                size = min(STRETCH, stop - begin)
                for c in range(channels):
                    _quantize(x[image, c, begin : begin + size], affine.multiplier[c], affine.shift[c], line)
                    target = out[image, begin : begin + size, c]
                    for i in range(size):
                        target[i] = line[i]
        else:
            source = x.reshape(out.shape)[image]
            for p in range(first, stop):
                for c in range(channels):
                    out[image, p, c] = _code(source[p, c] * affine.multiplier[c] + affine.shift[c])
        finish(share)
    wait(share, images * parts)


@kernel
def _quantize(x: Array, multiplier: np.float32, shift: np.float32, out: Array) -> None:
    for i in range(len(x)):
        out[i] = _code(x[i] * multiplier + shift)


@kernel
def _code(y: np.float32) -> np.uint8:
    return np.uint8(np.int32(np.rint(min(max(y, np.float32(0)), np.float32(255)))))


@kernel
def dequantize_units(x: Array, affine: Affine, out: Array, share: Share, parts: int) -> None:
    """Codes (N,P,C) u8 -> out f32 = (x - shift) * multiplier."""
    images, positions, channels = out.shape
    while True:
        unit = claim(share)
        if unit >= images * parts:
            break
        image, part = unit // parts, unit % parts
        for p in range(part * positions // parts, (part + 1) * positions // parts):
            for c in range(channels):
                out[image, p, c] = (np.float32(x[image, p, c]) - affine.shift[c]) * affine.multiplier[c]
        finish(share)
    wait(share, images * parts)


@kernel
def add_units(
    a: Array, of_a: Affine | None, b: Array, of_b: Affine | None, clip: Clip, codes: Affine | None, out: Array, share: Share, parts: int
) -> None:
    """clip(a + b, low, high), (N,P,C), each f32, or u8 by its affine map; to f32, or to codes."""
    images, positions, channels = out.shape
    while True:
        unit = claim(share)
        if unit >= images * parts:
            break
        image, part = unit // parts, unit % parts
        for p in range(part * positions // parts, (part + 1) * positions // parts):
            for c in range(channels):
                y = _real(a[image, p, c], of_a, c) + _real(b[image, p, c], of_b, c)
                y = min(max(y, clip.low), clip.high)
                if codes is None:
                    out[image, p, c] = y
                else:
                    out[image, p, c] = _code(y * codes.multiplier[c] + codes.shift[c])
        finish(share)
    wait(share, images * parts)


@kernel
def _real(x: np.float32, affine: Affine | None, c: int) -> np.float32:
    if affine is None:
        return x
    return (np.float32(x) - affine.shift[c]) * affine.multiplier[c]


@kernel
def copy_units(x: Array, first: int, out: Array, share: Share, parts: int) -> None:
    """x (N,P,bytes) u8 into out (N,P,more bytes), from byte `first` of each position on."""
    images, positions, size = x.shape
    while True:
        unit = claim(share)
        if unit >= images * parts:
            break
        image, part = unit // parts, unit % parts
        for p in range(part * positions // parts, (part + 1) * positions // parts):
            for i in range(size):
                out[image, p, first + i] = x[image, p, i]
        finish(share)
    wait(share, images * parts)


@kernel
def channels_last_units(x: Array, out: Array, share: Share, parts: int) -> None:
    """(N,C,P) u8 or f32 -> out (N,P,C), same dtype."""
    images, positions, channels = out.shape
    while True:
        unit = claim(share)
        if unit >= images * parts:
            break
        image, part = unit // parts, unit % parts
        for c in range(channels):
            source = x[image, c]
            for p in range(part * positions // parts, (part + 1) * positions // parts):
                out[image, p, c] = source[p]
        finish(share)
    wait(share, images * parts)


@kernel
def mean_units(x: Array, of_x: Affine | None, out: Array, share: Share) -> None:
    """(N,P,C) f32, or u8 by its affine map -> out (N,C) f32: the mean over the positions, summed in float64."""
    images, positions, channels = x.shape
    total = np.empty(channels, np.float64)
    while True:
        image = claim(share)
        if image >= images:
            break
        total[:] = 0
        for p in range(positions):
            for c in range(channels):
                total[c] += _real(x[image, p, c], of_x, c)
        for c in range(channels):
            out[image, c] = np.float32(total[c] / positions)
        finish(share)
    wait(share, images)
