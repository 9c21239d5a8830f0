"""int8 convolution, dense, grouped and depthwise: the fast ones are the definition, bit for bit."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from numpy.testing import assert_array_equal

from numpot.kernels import reference
from numpot.kernels.direct import convolution, depthwise
from numpot.kernels.layers.depthwise import pack_depthwise, positions_together
from numpot.kernels.layout.weight_packing import pack_convolution, pack_for_amx
from numpot.kernels.layout.window import Window
from numpot.kernels.saturation import SaturationCount, number_of_pairs

from ..problems import ConvolutionProblem, convolution_problems, few, many, nchw, needs_amx, nhwc


def check_convolution(p: ConvolutionProblem) -> None:
    x, packed, e = nhwc(p.x), pack_convolution(p.w, p.groups), p.epilogue
    want = nhwc(reference.convolution(p.x, p.w, p.zero_point, arithmetic=p.arithmetic, **p.keywords))

    sums, count = p.empty_output(np.int32), SaturationCount.zeros(len(p.w))
    convolution(x, packed, p.zero_point, sums, window=p.window, arithmetic=p.arithmetic, count=count)
    assert_array_equal(sums, want)
    assert_array_equal(
        count.pairs, reference.convolution_saturated_pairs(p.x, p.w, p.zero_point, **p.keywords)
    )
    assert_array_equal(
        count.overflow, reference.convolution_largest_overflow(p.x, p.w, p.zero_point, **p.keywords)
    )
    assert count.pairs.sum() <= number_of_pairs(nchw(want).shape, p.w.shape)

    codes = p.empty_output(np.uint8)
    convolution(x, packed, p.zero_point, codes, window=p.window, arithmetic=p.arithmetic, epilogue=e)
    assert_array_equal(codes, reference.requantize(want, *e))

    reals = p.empty_output(np.float32)
    convolution(x, packed, p.zero_point, reals, window=p.window, arithmetic=p.arithmetic, epilogue=e)
    assert_array_equal(reals, reference.dequantize(want, e.scale, e.bias, e.low, e.high))


def check_amx(p: ConvolutionProblem) -> None:
    x, packed, e = (
        nhwc(p.x),
        pack_for_amx(p.w, p.groups, dilated=p.window.dilations[1] > 1),
        p.epilogue,
    )
    want = nhwc(reference.convolution(p.x, p.w, p.zero_point, arithmetic="exact", **p.keywords))
    sums, codes = p.empty_output(np.int32), p.empty_output(np.uint8)
    convolution(x, packed, p.zero_point, sums, window=p.window)
    convolution(x, packed, p.zero_point, codes, window=p.window, epilogue=e)
    assert_array_equal(sums, want)
    assert_array_equal(codes, reference.requantize(want, *e))


def check_depthwise(p: ConvolutionProblem) -> None:
    """A zero point for each channel; and the same numbers in both arithmetics, because depthwise convolution
    cannot saturate.
    """
    x, packed, e = (
        nhwc(p.x),
        pack_depthwise(p.w, positions_together(p.window, p.window.output_size(*p.size)[1])),
        p.epilogue,
    )
    zero_points = np.random.default_rng(p.seed).integers(0, 256, len(p.w))
    want = nhwc(reference.convolution(p.x, p.w, zero_points, arithmetic=p.arithmetic, **p.keywords))

    sums, codes = p.empty_output(np.int32), p.empty_output(np.uint8)
    depthwise(x, packed, zero_points, sums, window=p.window)
    depthwise(x, packed, zero_points, codes, window=p.window, epilogue=e)
    assert_array_equal(sums, want)
    assert_array_equal(codes, reference.requantize(want, *e))


@few
@given(convolution_problems())
def test_convolution_is_the_definition(p: ConvolutionProblem) -> None:
    check_convolution(p)


@needs_amx
@few
@given(convolution_problems())
def test_convolution_in_tiles_is_the_definition(p: ConvolutionProblem) -> None:
    check_amx(p)


@needs_amx
@pytest.mark.slow
@many
@given(convolution_problems())
def test_convolution_in_tiles_is_the_definition_ten_thousand_times(p: ConvolutionProblem) -> None:
    check_amx(p)


@needs_amx
def test_weights_in_tiles_are_for_exact_sums_of_their_window() -> None:
    x, out = np.zeros((1, 5, 5, 3), np.uint8), np.zeros((1, 3, 3, 4), np.int32)
    packed, window = pack_for_amx(np.zeros((4, 3, 3, 3), np.int8)), Window((3, 3))
    with pytest.raises(ValueError, match="neither saturates nor counts"):
        convolution(x, packed, 0, out, window=window, arithmetic="saturating")
    with pytest.raises(
        ValueError, match="packed for 192 products in 3 runs, found a window that has 576 in 9"
    ):
        convolution(x, packed, 0, out[:, :1, :1].copy(), window=window._replace(dilations=(2, 2)))


@few
@given(convolution_problems(depthwise=True))
def test_depthwise_is_the_definition(p: ConvolutionProblem) -> None:
    check_depthwise(p)


@pytest.mark.slow
@many
@given(convolution_problems())
def test_convolution_is_the_definition_ten_thousand_times(p: ConvolutionProblem) -> None:
    check_convolution(p)


@pytest.mark.slow
@many
@given(convolution_problems(depthwise=True))
def test_depthwise_is_the_definition_ten_thousand_times(p: ConvolutionProblem) -> None:
    check_depthwise(p)


def test_by_hand() -> None:
    """One tap of two channels at the border: the codes there are the zero point 200, and 200*127*2 clips like
    any other pair.
    """
    x, w = np.zeros((1, 2, 1, 1), np.uint8), np.full((1, 2, 1, 2), 127, np.int8)
    out, count = np.zeros((1, 1, 2, 1), np.int32), SaturationCount.zeros(1)
    window = Window((1, 2), pads_begin=(0, 1), pads_end=(0, 1))
    convolution(nhwc(x), pack_convolution(w), 200, out, window=window, arithmetic="saturating", count=count)
    assert_array_equal(out.ravel(), 32767 - 200 * 4 * 127)
    assert (count.pairs, count.overflow) == ([2], [200 * 127 * 2 - 32767])


def test_pairs_run_along_channels_and_never_across_taps() -> None:
    """One channel of 3x3: the same weights that clip as two channels of one tap cannot clip as two taps of
    one channel.
    """
    x, w = np.full((1, 1, 3, 3), 255, np.uint8), np.full((1, 1, 3, 3), 127, np.int8)
    out, count = np.zeros((1, 1, 1, 1), np.int32), SaturationCount.zeros(1)
    convolution(
        nhwc(x), pack_convolution(w), 0, out, window=Window((3, 3)), arithmetic="saturating", count=count
    )
    assert out.item() == 9 * 255 * 127
    assert count.pairs == [0]


def test_strided_and_shifted_pointwise_is_not_read_as_it_is() -> None:
    """A 1x1 kernel whose output happens to have the size of its input, because of stride and padding, sees
    other positions.
    """
    rng = np.random.default_rng(0)
    x, w = rng.integers(0, 256, (1, 2, 3, 3), np.uint8), rng.integers(-128, 128, (4, 2, 1, 1), np.int8)
    for begin, end in (((1, 1), (1, 1)), ((0, 0), (2, 2))):
        window = Window((1, 1), strides=(2, 2), pads_begin=begin, pads_end=end)
        p = ConvolutionProblem(0, window, 1, (3, 3), 1, 2, 4, 9, "exact")
        out = p.empty_output(np.int32)
        convolution(nhwc(x), pack_convolution(w), 9, out, window=window)
        assert_array_equal(nchw(out), reference.convolution(x, w, 9, arithmetic="exact", **p.keywords))


def test_threads_may_share_a_batch() -> None:
    rng = np.random.default_rng(0)
    x, packed = (
        rng.integers(0, 256, (8, 14, 14, 16), np.uint8),
        pack_convolution(rng.integers(-128, 128, (24, 16, 3, 3), np.int8)),
    )
    window = Window((3, 3), pads_begin=(1, 1), pads_end=(1, 1))
    whole, shared = np.zeros((8, 14, 14, 24), np.int32), np.zeros((8, 14, 14, 24), np.int32)
    convolution(x, packed, 5, whole, window=window, arithmetic="saturating")
    with ThreadPoolExecutor(2) as pool:
        list(
            pool.map(
                lambda i: convolution(
                    x[i : i + 1], packed, 5, shared[i : i + 1], window=window, arithmetic="saturating"
                ),
                range(8),
            )
        )
    assert_array_equal(shared, whole)


def test_weights_for_another_kernel_are_refused() -> None:
    packed = pack_convolution(np.zeros((4, 3, 3, 3), np.int8))
    with pytest.raises(
        ValueError, match="weights: packed for 36 products a sum, which is not a 1x1 kernel over 3 channels"
    ):
        convolution(
            np.zeros((1, 5, 5, 3), np.uint8),
            packed,
            0,
            np.zeros((1, 5, 5, 4), np.int32),
            window=Window((1, 1)),
        )
