"""int8 depthwise convolution on NHWC codes: one line of output at a time, all channels side by side.

A single product fits 16 bits, so depthwise convolution never saturates and has one arithmetic.
"""

import numpy as np

from .epilogue import Epilogue, store
from .jit import kernel
from .patches import seen_by
from .reference import Array
from .window import Window, require


def pack_depthwise(w: Array) -> Array:
    """(C,1,kh,kw) -> (kh,kw,C), same dtype, C-contiguous: the weights of `depthwise`, and of its float32 sister."""
    return np.ascontiguousarray(w[:, 0].transpose(1, 2, 0))


def depthwise(x: Array, weights: Array, zero_points: int | Array, out: Array, *, window: Window, epilogue: Epilogue | None = None) -> None:
    """(N,H,W,C) u8 * (kh,kw,C) s8 -> out (N,H',W',C): s32 without an epilogue, f32 or u8 with one (eq. 7 to 11).

    zero_points: one code, or one for each channel as (C,). x, out: C-contiguous; threads may share the work by slices of the batch.
    Raises ValueError for arrays that do not fit.
    """
    channels = weights.shape[-1]
    require("x", x, (np.uint8,), (-1, -1, -1, channels))
    require("weights", weights, (np.int8,), (*window.kernel, channels))
    results = (np.int32,) if epilogue is None else (np.float32, np.uint8)
    require("out", out, results, (len(x), *window.output_size(*x.shape[1:3]), channels))
    codes = np.broadcast_to(np.asarray(zero_points, np.int32), channels).copy()
    _run(x, weights, codes, window, epilogue, out)


@kernel
def _run(x: Array, weights: Array, zero_points: Array, window: Window, epilogue: Epilogue | None, out: Array) -> None:
    images, height, width, channels = out.shape
    kh, kw = window.kernel
    acc = np.empty((width, channels), np.int32)
    for image in range(images):
        for line in range(height):
            acc[:] = 0
            for tap in range(kh * kw):
                _add_tap(x[image], weights[tap // kw, tap % kw], zero_points, window, line, tap, acc)
            store(acc, out[image, line], 0, 0, channels, epilogue)


@kernel
def _add_tap(x: Array, w: Array, zero_points: Array, window: Window, line: int, tap: int, acc: Array) -> None:
    """acc (W',C) s32 += (x - z) * w at one tap of an output line; x (H,W,C) u8, w (C,) s8, z (C,) s32. Padding is real zero: it adds 0."""
    for i in range(len(acc)):
        row, place = seen_by(window, line, i, tap)
        if 0 <= row < x.shape[0] and 0 <= place < x.shape[1]:
            source, target = x[row, place], acc[i]
            for c in range(len(target)):
                target[c] += np.int32(np.int32(np.int32(source[c]) - zero_points[c]) * np.int32(w[c]))
