"""What happens between layers, element by element: codes and back, another layout, sums, copies
(docs/arithmetic.md). (N,P,C): P positions of C channels.

    y = float32(a) * (s s_w) + b                                                                 (8)
    y := min(max(y, low), high)                                                                  (9)
    m = 255 / (H - L),   t = -L 255 / (H - L),   u = min(max(rint(y m + t), 0), 255)             (10)

a becomes the code u, by the constants of an Epilogue (tiles/epilogue.py). The work of a unit is one part, of
`parts`, of the positions of an image. All float32 arithmetic is that of the operators' definitions.
"""

from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import types

from ..codegen.jit import kernel
from ..codegen.vectors import F32, cgutils, instructions
from ..codegen.work_sharing import WorkQueue, claimed, claimed_parts
from ..reference import Array
from ..tiles.epilogue import Epilogue
from .quantize import no_places, quantize_line, quantize_positions
from .transpose import BLOCK_BYTES, transpose

STRETCH = 256  # positions that are computed before they are spread over channels


class Affine(NamedTuple):
    """(code - shift) * multiplier, for each channel."""

    multiplier: Array  # (C,) f32
    shift: Array  # (C,) f32


class Clip(NamedTuple):
    low: np.float32
    high: np.float32


@instructions
def _fused(_: Any, x: Any, a: Any, b: Any) -> Any:
    """x * a + b of float32 numbers, rounded once."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(F32, [F32] * 3)
        return builder.call(cgutils.get_or_insert_function(builder.module, kind, "llvm.fma.f32"), arguments)

    return types.float32(types.float32, types.float32, types.float32), generate


@kernel
def _code(y: np.float32, e: Epilogue, c: int) -> np.uint8:
    """A real number of channel c -> its code (8) to (10), as an Epilogue has them."""
    y = min(max(y * e.scale[c] + e.bias[c], e.low), e.high)
    y = _fused(np.float32(y * e.multiplier[c]), e.factor[c], e.shift[c])
    y = min(max(y, -e.offset), np.float32(255) - e.offset)
    return np.uint8(np.int32(np.float32(np.rint(y)) + e.offset))


@kernel
def _real(x: np.float32, affine: Affine | None, c: int) -> np.float32:
    if affine is None:
        return x
    return (np.float32(x) - affine.shift[c]) * affine.multiplier[c]


@kernel
def quantize_units(x: Array, e: Epilogue, by_channel: bool, out: Array, queue: WorkQueue, parts: int) -> None:
    """f32 -> codes out (N,P,C) u8. by_channel: x is (N,C,P), else (N,P,C)."""
    images, positions, channels = out.shape
    lines, places = np.empty((BLOCK_BYTES, STRETCH), np.uint8), no_places()
    for image, first, stop in claimed_parts(queue, images, positions, parts):
        if channels == 1:
            quantize_line(x[image].reshape(-1)[first:stop], e, 0, out[image, first:stop].reshape(-1), places)
        elif by_channel:
            for begin in range(first, stop, STRETCH):
                size = min(STRETCH, stop - begin)
                for c in range(0, channels, BLOCK_BYTES):
                    count = min(BLOCK_BYTES, channels - c)
                    for i in range(count):
                        quantize_line(x[image, c + i, begin : begin + size], e, c + i, lines[i], places)
                    transpose(lines[:count, :size], out[image, begin : begin + size, c : c + count])
        else:
            quantize_positions(x.reshape(out.shape)[image, first:stop], e, out[image, first:stop], places)


@kernel
def dequantize_units(x: Array, affine: Affine, out: Array, queue: WorkQueue, parts: int) -> None:
    """Codes (N,P,C) u8, or f32 -> out f32 = (x - shift) * multiplier."""
    images, positions, channels = out.shape
    for image, start, stop in claimed_parts(queue, images, positions, parts):
        for p in range(start, stop):
            for c in range(channels):
                out[image, p, c] = _real(x[image, p, c], affine, c)


@kernel
def requantize_units(x: Array, affine: Affine, e: Epilogue, out: Array, queue: WorkQueue, parts: int) -> None:
    """Codes (N,P,C) u8 of one range -> out (N,P,C) u8, codes of another."""
    images, positions, channels = out.shape
    reals, places = np.empty((STRETCH // BLOCK_BYTES, channels), np.float32), no_places()
    for image, first, stop in claimed_parts(queue, images, positions, parts):
        for begin in range(first, stop, len(reals)):
            size = min(len(reals), stop - begin)
            for p in range(size):
                for c in range(channels):
                    reals[p, c] = _real(x[image, begin + p, c], affine, c)
            quantize_positions(reals[:size], e, out[image, begin : begin + size], places)


@kernel
def add_units(a: Array, b: Array, clip: Clip, out: Array, queue: WorkQueue, parts: int) -> None:
    """clip(a + b, low, high), (N,P,C) f32."""
    images, positions, channels = out.shape
    for image, start, stop in claimed_parts(queue, images, positions, parts):
        for p in range(start, stop):
            for c in range(channels):
                out[image, p, c] = min(max(a[image, p, c] + b[image, p, c], clip.low), clip.high)


@kernel
def clip_units(x: Array, clip: Clip, out: Array, queue: WorkQueue, parts: int) -> None:
    """clip(x, low, high), (N,P,C) f32."""
    images, positions, channels = out.shape
    for image, start, stop in claimed_parts(queue, images, positions, parts):
        for p in range(start, stop):
            seen, made = x[image, p], out[image, p]
            for c in range(channels):
                made[c] = min(max(seen[c], clip.low), clip.high)


@kernel
def copy_units(x: Array, first: int, out: Array, queue: WorkQueue, parts: int) -> None:
    """x (N,P,bytes) u8 into out (N,P,more bytes), from byte `first` of each position on."""
    images, positions, size = x.shape
    for image, start, stop in claimed_parts(queue, images, positions, parts):
        for p in range(start, stop):
            for i in range(size):
                out[image, p, first + i] = x[image, p, i]


@kernel
def transpose_units(x: Array, out: Array, queue: WorkQueue, parts: int) -> None:
    """(N,A,B) u8 or f32 -> out (N,B,A), same dtype: (N,C,P) -> (N,P,C), and back. A unit is some lines of
    out.
    """
    images, lines, _ = out.shape
    for image, start, stop in claimed_parts(queue, images, lines, parts):
        transpose(x[image, :, start:stop], out[image, start:stop])


@kernel
def mean_units(x: Array, of_x: Affine | None, e: Epilogue | None, out: Array, queue: WorkQueue) -> None:
    """(N,P,C) f32, or u8 by its affine map -> out (N,C) f32, or codes: the mean over the positions, summed in
    float64.
    """
    images, positions, channels = x.shape
    total = np.empty(channels, np.float64)
    for image in claimed(queue, images):
        total[:] = 0
        for p in range(positions):
            for c in range(channels):
                total[c] += _real(x[image, p, c], of_x, c)
        for c in range(channels):
            mean = np.float32(total[c] / positions)
            out[image, c] = mean if e is None else _code(mean, e, c)
