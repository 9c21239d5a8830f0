"""float32 kernels: the bits of a sum in order of k, close to the vendor, the same in any batch."""

import numpy as np
import pytest
from hypothesis import given
from numpy.testing import assert_allclose, assert_array_equal

from numpot.kernels.codegen.isa import ISA
from numpot.kernels.direct import float_convolution, float_depthwise, float_matmul
from numpot.kernels.layers.depthwise import pack_depthwise
from numpot.kernels.layout.weight_packing import pack_float_convolution, pack_float_matmul
from numpot.kernels.layout.window import Window
from numpot.kernels.reference import patches

from ..problems import ConvolutionProblem, GemmProblem, convolution_problems, few, gemm_problems, many, nhwc


def in_order(a: np.ndarray, b: np.ndarray, bias: np.ndarray, low: float, high: float) -> np.ndarray:
    """(M,K) @ (K,N) + bias, one k after the other, each product added and then rounded to float32, once (or,
    portable, twice).
    """
    wide = np.longdouble if ISA.has_fma else np.float32
    total = np.zeros((len(a), b.shape[1]), np.float32)
    for k in range(len(b)):
        total = (total + a[:, k, None].astype(wide) * b[k].astype(wide)).astype(np.float32)
    return np.clip(total + bias, np.float32(low), np.float32(high))


def check_matmul(p: GemmProblem) -> None:
    rng, (M, N, K) = np.random.default_rng(p.seed), p.size
    a, b, bias = (rng.normal(size=shape).astype(np.float32) for shape in ((M, K), (K, N), (N,)))
    out = np.full((M, N), 77, np.float32)
    float_matmul(a, pack_float_matmul(b), bias, out, low=p.epilogue.low, high=p.epilogue.high)
    assert_array_equal(out, in_order(a, b, bias, p.epilogue.low, p.epilogue.high))


def check_convolution(p: ConvolutionProblem) -> None:
    rng, channels = np.random.default_rng(p.seed), len(p.w)
    x, w, bias = (rng.normal(size=shape).astype(np.float32) for shape in (p.x.shape, p.w.shape, (channels,)))
    low, high, out = p.epilogue.low, p.epilogue.high, p.empty_output(np.float32)
    float_convolution(
        nhwc(x), pack_float_convolution(w, p.groups), bias, out, window=p.window, low=low, high=high
    )

    seen = patches(x, 0, p.window.kernel, **{k: v for k, v in p.keywords.items() if k != "groups"})
    seen = seen.reshape(-1, w.shape[2] * w.shape[3], p.groups, p.depth)
    taps = w.reshape(p.groups, p.columns, p.depth, -1).transpose(0, 3, 2, 1).reshape(p.groups, -1, p.columns)
    columns = [
        in_order(
            seen[:, :, g].reshape(len(seen), len(b)), b, bias[g * p.columns : (g + 1) * p.columns], low, high
        )
        for g, b in enumerate(taps)
    ]
    want = np.concatenate(columns, axis=1).reshape(out.shape)
    assert_array_equal(out, want)

    if p.depth == p.columns == 1:
        out = p.empty_output(np.float32)
        float_depthwise(nhwc(x), pack_depthwise(w), bias, out, window=p.window, low=low, high=high)
        assert_array_equal(out, want)


@few
@given(gemm_problems)
def test_matmul_sums_in_order(p: GemmProblem) -> None:
    check_matmul(p)


@few
@given(convolution_problems())
def test_convolution_sums_in_order(p: ConvolutionProblem) -> None:
    check_convolution(p)


@few
@given(convolution_problems(depthwise=True))
def test_depthwise_sums_in_order(p: ConvolutionProblem) -> None:
    check_convolution(p)


@pytest.mark.slow
@many
@given(gemm_problems)
def test_matmul_sums_in_order_ten_thousand_times(p: GemmProblem) -> None:
    check_matmul(p)


@pytest.mark.slow
@many
@given(convolution_problems())
def test_convolution_sums_in_order_ten_thousand_times(p: ConvolutionProblem) -> None:
    check_convolution(p)


def test_one_image_has_one_answer_in_any_batch() -> None:
    """Rows that fall into another place of a block, or into another block, keep every bit."""
    rng = np.random.default_rng(0)
    a, b, bias = (rng.normal(size=shape).astype(np.float32) for shape in ((67, 129), (129, 33), (33,)))
    packed, whole = pack_float_matmul(b), np.empty((67, 33), np.float32)
    float_matmul(a, packed, bias, whole)
    for batch in (1, 2, 3, 5, 64):
        parts = [np.empty((len(a[i : i + batch]), 33), np.float32) for i in range(0, 67, batch)]
        for i, part in enumerate(parts):
            float_matmul(a[i * batch : (i + 1) * batch], packed, bias, part)
        assert_array_equal(np.concatenate(parts), whole)


def test_convolution_is_close_to_onnxruntime() -> None:
    onnx, onnxruntime = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    rng, h = np.random.default_rng(0), onnx.helper
    x, w, bias = (
        rng.normal(size=shape).astype(np.float32) for shape in ((2, 24, 20, 20), (40, 24, 3, 3), (40,))
    )
    values = {"x": x, "w": w, "b": bias}
    ports = [h.make_tensor_value_info(name, 1, v.shape) for name, v in values.items()]
    node = h.make_node("Conv", list(values), ["y"], strides=[2, 2], pads=[1, 0, 2, 1])
    graph = h.make_graph([node], "one", ports, [onnx.ValueInfoProto(name="y")])
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", 17)], ir_version=9)
    want = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(
        None, values
    )[0]
    window = Window((3, 3), strides=(2, 2), pads_begin=(1, 0), pads_end=(2, 1))
    out = np.empty((2, *window.output_size(20, 20), 40), np.float32)
    float_convolution(nhwc(x), pack_float_convolution(w), bias, out, window=window)
    assert_allclose(out, nhwc(want), rtol=1e-4, atol=1e-4)


def test_nan_and_infinity_stay_what_they_are() -> None:
    a, out = np.array([[np.nan], [np.inf], [-np.inf]], np.float32), np.empty((3, 1), np.float32)
    float_matmul(a, pack_float_matmul(np.ones((1, 1), np.float32)), np.zeros(1, np.float32), out, low=0)
    assert_array_equal(out, [[np.nan], [np.inf], [0]])
