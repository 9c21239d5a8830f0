"""Pooling against onnxruntime, on floats and on codes."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from numpot.kernels.direct import average_pool, max_pool
from numpot.kernels.layout.window import Window

from ..problems import few, nhwc, seeds, windows

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
inner_windows = windows().filter(
    lambda w: all(max(b, e) < k for b, e, k in zip(w[0].pads_begin, w[0].pads_end, w[0].kernel, strict=True))
)


def run_onnx(op_type: str, x: np.ndarray, window: Window, **attributes: int) -> np.ndarray:
    h = onnx.helper
    port = h.make_tensor_value_info("x", h.np_dtype_to_tensor_dtype(x.dtype), x.shape)
    geometry = {
        "kernel_shape": window.kernel,
        "strides": window.strides,
        "pads": window.pads_begin + window.pads_end,
    }
    node = h.make_node(op_type, ["x"], ["y"], dilations=window.dilations, **geometry, **attributes)
    graph = h.make_graph([node], "one", [port], [onnx.ValueInfoProto(name="y")])
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", 19)], ir_version=9)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # it warns of its own shape inference when rounding up
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    ).run(None, {"x": x})[0]


@few
@given(inner_windows, seeds, st.booleans(), st.booleans())
def test_max_pool(problem: tuple[Window, tuple[int, int]], seed: int, on_codes: bool, ceil: bool) -> None:
    window, size = problem
    x = np.random.default_rng(seed).integers(0, 256, (2, 5, *size), np.uint8)
    x = x if on_codes else x.astype(np.float32) - 300  # all negative: padding with zeros would win
    want = nhwc(run_onnx("MaxPool", x, window, ceil_mode=int(ceil)))
    assume(want.min() > -301)  # else a window sees only padding, for which runtimes have various answers
    out = np.full(want.shape, 77, x.dtype)
    max_pool(nhwc(x), out, window=window)
    assert_array_equal(out, want)


@few
@given(inner_windows, seeds, st.booleans())
def test_average_pool(problem: tuple[Window, tuple[int, int]], seed: int, exclude_pad: bool) -> None:
    window, size = problem
    x = np.random.default_rng(seed).normal(size=(2, 5, *size)).astype(np.float32)
    want = nhwc(run_onnx("AveragePool", x, window, count_include_pad=int(not exclude_pad)))
    assume((want != 0).all())  # as above
    out = np.full(want.shape, 77, np.float32)
    average_pool(nhwc(x), out, window=window, exclude_pad=exclude_pad)
    assert_allclose(out, want, rtol=1e-5, atol=1e-6)


def test_what_hangs_over_the_padded_edge_does_not_count() -> None:
    """Five columns, windows of two by two, rounded up: the third window sees one column, and its mean is over
    that one alone.
    """
    x, out = np.arange(5, dtype=np.float32).reshape(1, 1, 5, 1), np.empty((1, 1, 3, 1), np.float32)
    for exclude_pad in (True, False):
        average_pool(x, out, window=Window((1, 2), strides=(1, 2)), exclude_pad=exclude_pad)
        assert_array_equal(out.ravel(), [0.5, 2.5, 4])
