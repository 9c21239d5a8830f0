"""int8 convolution on NHWC codes: a block of output positions at a time, small enough to stay in the second-level cache.

Positions are gathered into rows (patches.py), multiplied (tiles.py) and stored (epilogue.py). A 1x1 convolution reads its input as it is.
"""

import numpy as np

from .epilogue import Epilogue, store
from .jit import kernel
from .packing import PackedWeights
from .patches import gather
from .reference import Arithmetic, Array
from .saturation import SaturationCount
from .tiles import count_clipped, multiply_exact, multiply_saturating
from .window import Window, require

BLOCK_BYTES = 1 << 18  # of gathered rows and their sums


def convolution(
    x: Array,
    weights: PackedWeights,
    zero_point: int,
    out: Array,
    *,
    window: Window,
    arithmetic: Arithmetic = "exact",
    epilogue: Epilogue | None = None,
    count: SaturationCount | None = None,
) -> None:
    """(N,H,W,C) u8 * weights -> out (N,H',W',O): s32 without an epilogue, f32 or u8 with one (eq. 7 to 11).

    x, out: C-contiguous; threads may share the work by slices of the batch. The border holds the code `zero_point`.
    count: also count the pairs that clip (or would clip, in exact arithmetic). Raises ValueError for arrays that do not fit.
    """
    (groups, _, K), (kh, kw) = weights.rows.shape, window.kernel
    require("x", x, (np.uint8,), (-1, -1, -1, groups * weights.depth))
    if kh * kw * (weights.depth + weights.depth % 2) != K:
        raise ValueError(f"weights: packed for {K} products a sum, which is not a {kh}x{kw} kernel over {weights.depth} channels")
    if arithmetic not in ("exact", "saturating"):
        raise ValueError(f"arithmetic: expected 'exact' or 'saturating', found {arithmetic!r}")
    results = (np.int32,) if epilogue is None else (np.float32, np.uint8)
    require("out", out, results, (len(x), *window.output_size(*x.shape[1:3]), groups * weights.columns))
    if out.size:
        offsets = np.int32(zero_point) * weights.sums
        _run(x, weights, offsets, np.uint8(zero_point), window, arithmetic == "saturating", count, epilogue, out)


@kernel
def _run(
    x: Array,
    weights: PackedWeights,
    offsets: Array,
    zero_point: np.uint8,
    window: Window,
    saturating: bool,
    count: SaturationCount | None,
    epilogue: Epilogue | None,
    out: Array,
) -> None:
    images, height, width, channels = x.shape
    positions = out.shape[1] * out.shape[2]
    groups, N, K = weights.rows.shape
    still = window.strides == (1, 1) and window.pads_begin == (0, 0) and out.shape[1:3] == (height, width)
    direct = groups == 1 and channels == K and still  # a 1x1 kernel over an even number of channels
    block = max(BLOCK_BYTES // (K + 4 * N) // 4 * 4, 4)
    rows = np.zeros((0 if direct else min(block, positions), K), np.uint8)
    acc = np.empty((min(block, positions), N), np.int32)
    for image in range(images):
        sources = x[image].reshape(height * width, channels)
        targets = out[image].reshape(positions, out.shape[3])
        for start in range(0, positions, block):
            M = min(block, positions - start)
            for g in range(groups):
                w = weights.rows[g]
                first_column = g * weights.columns
                if direct:
                    _multiply(sources, start, w, offsets[g], saturating, count, first_column, weights.columns, acc[:M])
                else:
                    gather(x[image], g * weights.depth, weights.depth, zero_point, window, out.shape[2], start, rows[:M])
                    _multiply(rows, 0, w, offsets[g], saturating, count, first_column, weights.columns, acc[:M])
                store(acc[:M], targets, start, first_column, weights.columns, epilogue)


@kernel
def _multiply(
    a: Array,
    first: int,
    w: Array,
    offsets: Array,
    saturating: bool,
    count: SaturationCount | None,
    first_column: int,
    columns: int,
    acc: Array,
) -> None:
    if saturating:
        multiply_saturating(a, first, w, offsets, acc)
    else:
        multiply_exact(a, first, w, offsets, acc)
    if count is not None:
        span = slice(first_column, first_column + columns)
        count_clipped(a, first, len(acc), w, count.pairs[span], count.overflow[span])
