"""int8 depthwise convolution on NHWC codes: one line of output at a time, all channels side by side.

A single product fits 16 bits, so depthwise convolution never saturates and has one arithmetic.
"""

import numpy as np

from .epilogue import Epilogue, store
from .jit import kernel
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
    acc = np.empty((width, channels), np.int32)
    for image in range(images):
        for line in range(height):
            acc[:] = 0
            for tap in range(window.kernel[0] * window.kernel[1]):
                row, column = tap // window.kernel[1], tap % window.kernel[1]
                y = line * window.strides[0] + row * window.dilations[0] - window.pads_begin[0]
                if 0 <= y < x.shape[1]:
                    _add_tap(x[image, y], weights[row, column], zero_points, column, window, acc)
            store(acc, out[image, line], 0, 0, channels, epilogue)


@kernel
def _add_tap(x: Array, w: Array, zero_points: Array, column: int, window: Window, acc: Array) -> None:
    """acc (W',C) s32 += (x - z) * w at one tap; x (W,C) u8, w (C,) s8, z (C,) s32. The border is real zero and adds nothing (eq. 3)."""
    for i in range(len(acc)):
        z = i * window.strides[1] + column * window.dilations[1] - window.pads_begin[1]
        if 0 <= z < len(x):
            source, target = x[z], acc[i]
            for c in range(len(target)):
                target[c] += np.int32(np.int32(np.int32(source[c]) - zero_points[c]) * np.int32(w[c]))
