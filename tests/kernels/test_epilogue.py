"""The float32 chain after the sums: NumPy's bits, which a fused multiply-add would not give."""

import numpy as np
from numpy.testing import assert_array_equal

from numpot.kernels import reference
from numpot.kernels.epilogue import make_epilogue
from numpot.kernels.gemm import gemm
from numpot.kernels.packing import pack_gemm


def test_multiply_and_add_are_not_fused() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 256, (64, 512), np.uint8), rng.integers(-128, 128, (512, 64)).astype(np.int8)
    acc, scale = reference.gemm_exact(a, b, 7), rng.uniform(1e-4, 1e-3, 64).astype(np.float32)
    bias = -(acc[0].astype(np.float32) * scale)  # the first row cancels: fused, it would leave the rounding error of the product
    e, out = make_epilogue(64, scale, bias), np.empty((64, 64), np.float32)
    gemm(a, pack_gemm(b), 7, out, epilogue=e)
    fused = (acc[0].astype(np.float64) * scale + bias).astype(np.float32)
    assert np.count_nonzero(fused) > 32
    assert_array_equal(out[0], 0)
    assert_array_equal(out, reference.dequantize(acc, e.scale, e.bias, e.low, e.high))


def sums_from(low: int, high: int) -> tuple[np.ndarray, int]:
    """(M, 8) codes and a zero point, such that a row of ones for weights gives the sums low, low + 1, ..., high - 1."""
    zero_point = -low // 8
    filled = np.arange(high - low)[:, None] - 255 * np.arange(8)
    return np.clip(filled, 0, 255).astype(np.uint8), zero_point


def test_every_half_goes_to_even() -> None:
    """All codes and all halves between them, and what lies outside 0..255."""
    a, zero_point = sums_from(-1000, 1000)
    out = np.empty((2000, 1), np.uint8)
    gemm(a, pack_gemm(np.ones((8, 1), np.int8)), zero_point, out, epilogue=make_epilogue(1, 0.5))
    assert_array_equal(out[:, 0], np.clip(np.rint(np.arange(-1000, 1000) / 2), 0, 255))


def test_channels_have_their_own_constants() -> None:
    """More channels than a register holds, and a few left over."""
    rng = np.random.default_rng(1)
    a, b = rng.integers(0, 256, (7, 12), np.uint8), rng.integers(-128, 128, (12, 37)).astype(np.int8)
    scale, bias, multiplier, shift = (
        rng.uniform(low, high, 37).astype(np.float32) for low, high in ((1e-4, 1e-2), (-9, 9), (1, 9), (0, 255))
    )
    e, out = make_epilogue(37, scale, bias, -20.0, 20.0, multiplier, shift), np.empty((7, 37), np.uint8)
    gemm(a, pack_gemm(b), 100, out, epilogue=e)
    assert_array_equal(out, reference.requantize(reference.gemm_exact(a, b, 100), *e))
