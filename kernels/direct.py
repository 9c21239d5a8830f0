"""int8 convolution on NHWC codes, in both arithmetics, up to the codes of the next layer."""

import numpy as np

from .layers.convolution import convolve
from .layout.weight_packing import MATRIX_WORD, PackedWeights, round_up, runs_of
from .layout.window import Window, require, require_kernel, require_products
from .reference import Arithmetic, Array
from .saturation import SaturationCount
from .tiles.epilogue import Epilogue, Residual


def convolution(
    x: Array,
    weights: PackedWeights,
    zero_point: int,
    out: Array,
    *,
    window: Window,
    arithmetic: Arithmetic = "exact",
    epilogue: Epilogue | None = None,
    residual: Residual | None = None,
    count: SaturationCount | None = None,
) -> None:
    """(N,H,W,C) u8 * weights -> out (N,H',W',O): s32 without an epilogue, f32 or u8 with one: reference.py.

    x, out: C-contiguous; threads may share the work by slices of the batch. The border holds the code
    `zero_point`. residual: a branch of codes, for an epilogue that makes codes. count: also count the pairs
    that clip (or would clip, in exact arithmetic). Raises ValueError for arrays that do not fit.
    """
    groups = len(weights.values)
    require("x", x, (np.uint8,), (-1, -1, -1, groups * weights.depth))
    _require_window(weights, window)
    if arithmetic not in ("exact", "saturating"):
        raise ValueError(f"arithmetic: expected 'exact' or 'saturating', found {arithmetic!r}")
    results = (np.int32,) if epilogue is None else (np.float32, np.uint8)
    require("out", out, results, (len(x), *window.output_size(*x.shape[1:3]), groups * weights.columns))
    if residual is not None:
        require("residual.x", residual.x, (np.uint8,), out.shape)
        require("out", out, (np.uint8,), out.shape)
    saturating = arithmetic == "saturating"
    if weights.word == MATRIX_WORD and (saturating or count is not None):
        raise ValueError(
            "weights: packed for the matrix unit, which neither saturates nor counts; pack_convolution "
            "is for that"
        )
    convolve(
        x,
        weights,
        int(zero_point),
        out,
        window=window,
        saturating=saturating,
        epilogue=epilogue,
        residual=residual,
        count=count,
    )


def _require_window(weights: PackedWeights, window: Window) -> None:
    """Weights must be packed for this window."""
    if weights.block:
        require_kernel((1, 1), window)
        return
    if weights.word != MATRIX_WORD:
        require_products(weights.products, window, weights.depth, round_up(weights.depth, 4))
        return
    runs, K = runs_of(window.kernel, weights.depth, len(weights.values), window.dilations[1] > 1)
    if (weights.runs, weights.products) != (runs, K):
        raise ValueError(
            f"weights: packed for {weights.products} products in {weights.runs} runs, found a window "
            f"that has {K} in {runs}"
        )
