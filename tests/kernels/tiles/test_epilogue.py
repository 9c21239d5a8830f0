"""The float32 chain after the sums: NumPy's bits, which a fused multiply-add would not give."""

import numpy as np
from hypothesis import given
from numpy.testing import assert_array_equal

from numpot.kernels import reference
from numpot.kernels.direct import convolution, gemm, pack_gemm
from numpot.kernels.layout.weight_packing import pack_convolution
from numpot.kernels.layout.window import Window
from numpot.kernels.tiles.epilogue import Epilogue, Residual, make_epilogue, spread

from ..problems import GemmProblem, few, gemm_problems


def product(a: np.ndarray, b: np.ndarray, dtype: type, epilogue: Epilogue | None = None) -> np.ndarray:
    out = np.empty((len(a), b.shape[1]), dtype)
    gemm(a, pack_gemm(b), 0, out, epilogue=epilogue)
    return out


def test_multiply_and_add_are_not_fused() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 256, (64, 99), np.uint8), rng.integers(-128, 128, (99, 64), np.int8)
    acc, scale = product(a, b, np.int32), rng.uniform(1e-4, 1e-3, 64).astype(np.float32)
    # the first row cancels: fused, it would leave the rounding error of the product
    bias = -(acc[0].astype(np.float32) * scale)
    e = make_epilogue(64, scale, bias)
    out = product(a, b, np.float32, e)
    fused = (acc[0].astype(np.float64) * scale + bias).astype(np.float32)
    assert np.count_nonzero(fused) > 32
    assert_array_equal(out[0], 0)
    assert_array_equal(out, reference.dequantize(acc, e.scale, e.bias, e.low, e.high))


def test_every_half_goes_to_even() -> None:
    """All codes and all halves between them, and what lies outside 0..255."""
    a, b = np.arange(256, dtype=np.uint8)[:, None], np.array([[-1, 1, 2, 3, 127]], np.int8)
    out = product(a, b, np.uint8, make_epilogue(5, 0.5))
    assert_array_equal(out, np.clip(np.rint(a * b.astype(int) / 2), 0, 255))


def test_whatever_is_beyond_the_codes_is_clipped() -> None:
    """Up to what no int16 and no int32 holds, on both sides, for codes that count from 0 and from -128."""
    a, b = np.full((1, 999), 255, np.uint8), np.repeat(np.int8([[-128, -1, 0, 1, 127]]), 999, axis=0)
    for factor in (1e-7, 1e-3, 1e-2, 0.3, 1, 1e4, 1e30, np.inf):
        for multiplier, shift in ((factor, 0), (1, 3), (factor, 3)):
            for offset in (0, 128):
                e = make_epilogue(
                    5, 0.5, 0.0, -np.inf, np.inf, multiplier, factor if multiplier == 1 else 1, shift, offset
                )
                with np.errstate(invalid="ignore"):
                    want = reference.requantize(product(a, b, np.int32), *e)
                # 0 * inf is NaN in the middle
                assert_array_equal(product(a, b, np.uint8, e)[:, [0, 1, 3, 4]], want[:, [0, 1, 3, 4]])


def test_the_activation_clips_before_the_shift() -> None:
    """Bounds in reals, one pair for all channels, whose codes differ from channel to channel and may lie
    outside of 0..255.
    """
    a, b = np.arange(256, dtype=np.uint8)[:, None], np.array([[-1] * 20 + [1] * 20], np.int8)
    rng = np.random.default_rng(0)
    e = make_epilogue(40, 0.1, 0.0, -3.0, 6.0, rng.uniform(5, 60, 40), 1.0, rng.uniform(-50, 300, 40))
    assert_array_equal(product(a, b, np.uint8, e), reference.requantize(product(a, b, np.int32), *e))


def test_channels_of_a_group_have_their_own_constants_and_place() -> None:
    """Two groups of three channels: the constants and the places of the second are not those of the first."""
    x, w = np.array([[[[1, 2]]]], np.uint8), np.array([1, 2, 3, 4, 5, 6], np.int8).reshape(6, 1, 1, 1)
    scale, shift = np.array([1, 1, 1, 2, 3, 4], np.float32), np.array([0, 10, 20, 30, 40, 50], np.float32)
    out = np.full((1, 1, 1, 6), 77, np.uint8)
    convolution(
        x,
        pack_convolution(w, 2),
        0,
        out,
        window=Window((1, 1)),
        epilogue=make_epilogue(6, scale, shift=shift),
    )
    assert_array_equal(out.ravel(), [1, 12, 23, 8 * 2 + 30, 10 * 3 + 40, 12 * 4 + 50])


@few
@given(gemm_problems)
def test_a_branch_is_added_in_units_of_its_codes(p: GemmProblem) -> None:
    rng, channels = np.random.default_rng(p.seed), p.b.shape[1]
    x, acc = (
        rng.integers(0, 256, (len(p.a), channels), np.uint8),
        reference.GEMM[p.arithmetic](p.a, p.b, p.zero_point),
    )
    zero, clip, activation = (
        128.0 * rng.integers(2),
        (-30.5, 224.5),
        [(-np.inf, np.inf), (0.0, np.inf), (0.0, 6.0)][rng.integers(3)],
    )
    affine = rng.uniform(0.5, 2, channels), rng.uniform(0.5, 2), rng.uniform(-20, 20, channels)
    residual = Residual(
        x,
        np.float32(zero),
        *(spread(v, channels) for v in affine),
        *(np.float32(v) for v in (*clip, *activation)),
    )
    out = np.full((len(p.a), channels), 77, np.uint8)
    gemm(
        p.a,
        pack_gemm(p.b),
        p.zero_point,
        out,
        arithmetic=p.arithmetic,
        epilogue=p.epilogue,
        residual=residual,
    )
    assert_array_equal(out, reference.requantize_residual(acc, x, p.epilogue, zero, affine, clip, activation))
