"""int8 matrix product: a 1x1 convolution over an image of one line."""

import numpy as np

from .direct import convolution
from .layout.weight_packing import PackedWeights
from .layout.window import Window, require
from .reference import Arithmetic, Array
from .saturation import SaturationCount
from .tiles.epilogue import Epilogue, Residual


def gemm(
    a: Array,
    weights: PackedWeights,
    zero_point: int,
    out: Array,
    *,
    arithmetic: Arithmetic = "exact",
    epilogue: Epilogue | None = None,
    residual: Residual | None = None,
    count: SaturationCount | None = None,
) -> None:
    """(M,K) u8 @ weights -> out (M,N): s32 without an epilogue, f32 or u8 with one. Both C-contiguous; else
    as `convolution`.
    """
    require("a", a, (np.uint8,), (-1, weights.depth))
    require("out", out, (np.int32, np.float32, np.uint8), (len(a), weights.columns))
    if residual is not None:
        residual = residual._replace(x=residual.x[None, None])
    convolution(
        a[None, None],
        weights,
        zero_point,
        out[None, None],
        window=Window((1, 1)),
        arithmetic=arithmetic,
        epilogue=epilogue,
        residual=residual,
        count=count,
    )
