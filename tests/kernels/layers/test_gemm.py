"""int8 GEMM: the fast one is the definition, bit for bit."""

import numpy as np
import pytest
from hypothesis import given
from numpy.testing import assert_array_equal

from numpot.kernels import reference
from numpot.kernels.direct import gemm, pack_gemm
from numpot.kernels.layout.weight_packing import pack_for_amx
from numpot.kernels.saturation import SaturationCount

from ..problems import GemmProblem, few, gemm_problems, many, needs_amx


def check(p: GemmProblem) -> None:
    packed, e = pack_gemm(p.b, p.block), p.epilogue
    M, N, _ = p.size
    want = reference.GEMM[p.arithmetic](p.a, p.b, p.zero_point, p.block)

    sums = np.full((M, N), 77, np.int32)
    gemm(p.a, packed, p.zero_point, sums, arithmetic=p.arithmetic)
    assert_array_equal(sums, want)

    count = SaturationCount.zeros(N)
    gemm(p.a, packed, p.zero_point, sums, arithmetic=p.arithmetic, count=count)
    assert_array_equal(sums, want)
    assert_array_equal(count.pairs, reference.saturated_pairs(p.a, p.b, p.block))
    assert_array_equal(count.overflow, reference.largest_overflow(p.a, p.b, p.block))

    codes = np.full((M, N), 77, np.uint8)
    gemm(p.a, packed, p.zero_point, codes, arithmetic=p.arithmetic, epilogue=e)
    assert_array_equal(codes, reference.requantize(want, *e))

    reals = np.full((M, N), 77, np.float32)
    gemm(p.a, packed, p.zero_point, reals, arithmetic=p.arithmetic, epilogue=e)
    assert_array_equal(reals, reference.dequantize(want, e.scale, e.bias, e.low, e.high))


def check_amx(p: GemmProblem) -> None:
    M, N, _ = p.size
    packed, e, out = pack_for_amx(p.b.T[:, :, None, None]), p.epilogue, np.full((M, N), 77, np.uint8)
    gemm(p.a, packed, p.zero_point, out, epilogue=e)
    assert_array_equal(out, reference.requantize(reference.GEMM["exact"](p.a, p.b, p.zero_point), *e))


@few
@given(gemm_problems)
def test_gemm_is_the_definition(p: GemmProblem) -> None:
    check(p)


@needs_amx
@few
@given(gemm_problems)
def test_gemm_in_tiles_is_the_definition(p: GemmProblem) -> None:
    check_amx(p)


@needs_amx
@pytest.mark.slow
@many
@given(gemm_problems)
def test_gemm_in_tiles_is_the_definition_ten_thousand_times(p: GemmProblem) -> None:
    check_amx(p)


@pytest.mark.slow
@many
@given(gemm_problems)
def test_gemm_is_the_definition_ten_thousand_times(p: GemmProblem) -> None:
    check(p)


@pytest.mark.parametrize("arithmetic", ["exact", "saturating"])
def test_by_hand(arithmetic: reference.Arithmetic) -> None:
    """255*127 + 255*127 = 64770 misses 16 bits by 32003; an odd last product stands alone; the zero point is
    taken off exactly.
    """
    a = np.array([[255, 255, 255], [255, 0, 1]], np.uint8)
    b = np.array([[127], [127], [127]], np.int8)
    clipped = 32003 if arithmetic == "saturating" else 0
    want = np.array([[3 * 255 * 127 - clipped - 10 * 3 * 127], [256 * 127 - 10 * 3 * 127]])
    out, count = np.zeros((2, 1), np.int32), SaturationCount.zeros(1)
    gemm(a, pack_gemm(b), 10, out, arithmetic=arithmetic, count=count)
    assert_array_equal(out, want)
    assert (count.pairs, count.overflow) == ([1], [32003])


def test_large_sizes_cross_blocks() -> None:
    """More rows than one cache block holds, and a K whose sums pass 2**24, where float32 would
    already round.
    """
    rng = np.random.default_rng(0)
    a, b = rng.integers(200, 256, (300, 2049), np.uint8), rng.integers(90, 128, (2049, 7), np.int8)
    for arithmetic, define in reference.GEMM.items():
        out = np.empty((300, 7), np.int32)
        gemm(a, pack_gemm(b), 3, out, arithmetic=arithmetic)
        assert_array_equal(out, define(a, b, 3))
    assert out.max() > 2**24


def test_arrays_that_do_not_fit_are_named() -> None:
    a, packed = np.zeros((4, 6), np.uint8), pack_gemm(np.zeros((6, 5), np.int8))
    with pytest.raises(
        ValueError,
        match=r"^out: expected a C-contiguous int32 or .* array of shape \(4, 5\), found int32 \(5, 4\)$",
    ):
        gemm(a, packed, 0, np.zeros((5, 4), np.int32))
    with pytest.raises(ValueError, match=r"^a: .* found int8"):
        gemm(a.astype(np.int8), packed, 0, np.zeros((4, 5), np.int32))
    with pytest.raises(ValueError, match="with gaps"):
        gemm(np.zeros((4, 12), np.uint8)[:, ::2], packed, 0, np.zeros((4, 5), np.int32))
    with pytest.raises(ValueError, match="^arithmetic: expected 'exact' or 'saturating', found 'fast'"):
        gemm(a, packed, 0, np.zeros((4, 5), np.int32), arithmetic="fast")  # type: ignore[arg-type]
