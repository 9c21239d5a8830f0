"""The float32 chain after the sums: NumPy's bits, which a fused multiply-add would not give."""

import numpy as np
from numpy.testing import assert_array_equal

from numpot.kernels import reference
from numpot.kernels.epilogue import make_epilogue, store


def test_multiply_and_add_are_not_fused() -> None:
    rng = np.random.default_rng(0)
    acc, scale = rng.integers(-(2**20), 2**20, (64, 64), np.int32), rng.uniform(1e-4, 1e-3, 64).astype(np.float32)
    bias = -(acc[0].astype(np.float32) * scale)  # the first row cancels: fused, it would leave the rounding error of the product
    e, out = make_epilogue(64, scale, bias), np.empty((64, 64), np.float32)
    store(acc, out, 0, 0, 64, e)
    fused = (acc[0].astype(np.float64) * scale + bias).astype(np.float32)
    assert np.count_nonzero(fused) > 32
    assert_array_equal(out[0], 0)
    assert_array_equal(out, reference.dequantize(acc, e.scale, e.bias, e.low, e.high))


def test_every_half_goes_to_even() -> None:
    """All codes and all halves between them, and what lies outside 0..255."""
    acc = np.arange(-1000, 1000, dtype=np.int32)[None]
    e, out = make_epilogue(2000, 0.5), np.empty((1, 2000), np.uint8)
    store(acc, out, 0, 0, 2000, e)
    assert_array_equal(out, np.clip(np.rint(acc / 2), 0, 255))


def test_channels_have_their_own_constants_and_place() -> None:
    """Columns 1..3 of a wider output, with the constants of those columns; its other elements stay."""
    acc = np.arange(8, dtype=np.int32).reshape(2, 4)
    scale, shift = np.array([9, 1, 2, 9], np.float32), np.array([9, 10, 20, 9], np.float32)
    e, out = make_epilogue(4, scale, shift=shift), np.full((3, 4), 77, np.uint8)
    store(acc, out, 1, 1, 2, e)
    assert_array_equal(out, [[77] * 4, [77, 10, 22, 77], [77, 14, 30, 77]])
