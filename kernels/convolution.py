"""int8 convolution on NHWC codes: a block of output positions at a time, small enough to stay in the second-level cache.

Positions are gathered into rows (patches.py), multiplied (tiles.py) and stored (epilogue.py). A 1x1 convolution reads its input as it is.
"""

import numpy as np

from .epilogue import Epilogue, store
from .jit import kernel
from .packing import PackedWeights, round_up
from .patches import gather
from .reference import Arithmetic, Array
from .saturation import SaturationCount
from .tiles import count_clipped, multiply_exact, multiply_saturating
from .window import Window, require, require_products

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
    groups, _, K = weights.rows.shape
    require("x", x, (np.uint8,), (-1, -1, -1, groups * weights.depth))
    require_products(K, window, weights.depth, round_up(weights.depth, 2))
    if arithmetic not in ("exact", "saturating"):
        raise ValueError(f"arithmetic: expected 'exact' or 'saturating', found {arithmetic!r}")
    results = (np.int32,) if epilogue is None else (np.float32, np.uint8)
    require("out", out, results, (len(x), *window.output_size(*x.shape[1:3]), groups * weights.columns))
    in_place = window.is_pointwise and groups == 1 and weights.depth == K  # an even number of channels, so no place stays empty
    if out.size:
        offsets = np.int32(zero_point) * weights.sums
        _run(x, weights, offsets, np.uint8(zero_point), window, in_place, arithmetic == "saturating", count, epilogue, out)


@kernel
def _run(
    x: Array,
    weights: PackedWeights,
    offsets: Array,
    zero_point: np.uint8,
    window: Window,
    in_place: bool,
    saturating: bool,
    count: SaturationCount | None,
    epilogue: Epilogue | None,
    out: Array,
) -> None:
    images, height, width, channels = x.shape
    positions = out.shape[1] * out.shape[2]
    groups, N, K = weights.rows.shape
    block = max(BLOCK_BYTES // (K + 4 * N) // 4 * 4, 4)
    rows = np.zeros((0 if in_place else min(block, positions), K), np.uint8)
    acc = np.empty((min(block, positions), N), np.int32)
    for image in range(images):
        sources = x[image].reshape(height * width, channels)
        targets = out[image].reshape(positions, out.shape[3])
        for start in range(0, positions, block):
            M = min(block, positions - start)
            for g in range(groups):
                span = slice(g * weights.columns, (g + 1) * weights.columns)
                if in_place:
                    _multiply(sources[start : start + M], weights.rows[g], offsets[g], saturating, count, span, acc[:M])
                else:
                    gather(x[image], g * weights.depth, weights.depth, zero_point, window, out.shape[2], start, rows[:M])
                    _multiply(rows[:M], weights.rows[g], offsets[g], saturating, count, span, acc[:M])
                store(acc[:M], targets, start, g * weights.columns, weights.columns, epilogue)


@kernel
def _multiply(a: Array, w: Array, offsets: Array, saturating: bool, count: SaturationCount | None, span: slice, acc: Array) -> None:
    """a (M,K) @ w.T (N,K) -> acc (M,N) in the chosen arithmetic; span: the output channels they are, for `count`."""
    if saturating:
        multiply_saturating(a, w, offsets, acc)
    else:
        multiply_exact(a, w, offsets, acc)
    if count is not None:
        count_clipped(a, w, count.pairs[span], count.overflow[span])
