"""Interpolate by its kernels, against the definition, bit for bit; and of codes, which a runtime moves as
they are.
"""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from numpot.ir.dtypes import F32, U8
from numpot.ir.executor.executor import Executor
from numpot.ir.interpreter import Interpreter
from numpot.ir.ops.interpolate import Interpolate

from ....networks import Network

COORDINATES = ["half_pixel", "pytorch_half_pixel", "asymmetric", "align_corners", "tf_half_pixel_for_nn"]
NEAREST = ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil", "simple"]
FEW, MANY = (settings(max_examples=n, deadline=None) for n in (30, 3000))
pairs = st.tuples(st.integers(1, 9), st.integers(1, 9))
PROBLEMS = st.tuples(
    st.sampled_from(["nearest", "linear", "linear_onnx", "cubic"]),
    *[st.sampled_from(names) for names in (COORDINATES, NEAREST)],
    *[pairs, pairs],
    st.integers(1, 40),
    st.sampled_from([(2, 3), (2,), (3,), (-2, -1)]),
    st.sampled_from([F32, U8]),
)


def check(
    mode: Any, coordinate: Any, nearest: Any, size: Any, output: Any, channels: int, axes: Any, dtype: Any
) -> None:
    dtype = dtype if mode == "nearest" else F32
    net = Network()
    x = net.input(-1, channels, *size, dtype=dtype)
    op = Interpolate(
        mode=mode,
        shape_calculation_mode="sizes",
        coordinate_transformation_mode=coordinate,
        nearest_mode=nearest,
    )
    graph = net.result(net.op(op, x, np.array(output[: len(axes)]), np.array(axes)))
    data = (100 * np.random.default_rng(channels).standard_normal((3, channels, *size))).astype(dtype)
    expected = Interpreter(graph).run(data)["y"]
    for threads in (1, 2):
        executor = Executor(graph, threads=threads)
        assert "numpy" not in [step.kernel for step in executor.plan]
        np.testing.assert_array_equal(executor.run(data)["y"], expected)


@FEW
@given(PROBLEMS)
def test_kernels_are_the_definition(problem: Any) -> None:
    check(*problem)


@pytest.mark.slow
@MANY
@given(PROBLEMS)
def test_kernels_are_the_definition_many_times(problem: Any) -> None:
    check(*problem)


def test_codes_are_moved_to_an_integer_layer_and_sums_of_them_are_floats() -> None:
    """In one call, and with the interpreter's bits."""
    for mode, expected in (
        ("nearest", ["quantize", "resize nearest"]),
        ("linear", ["quantize", "dequantize", "resize linear", "quantize"]),
    ):
        net = Network(int8=True)
        x = net.quantize(net.input(-1, 8, 5, 6), -4, 4 * 127 / 128)
        op = Interpolate(mode=mode, shape_calculation_mode="scales")  # type: ignore[arg-type]
        y = net.op(op, x, np.array([2, 2], np.float32), np.array([2, 3]))
        graph = net.result(net.conv(y if mode == "nearest" else net.quantize(y, -4, 4 * 127 / 128), 5))
        data = np.random.default_rng(0).standard_normal((3, 8, 5, 6)).astype(np.float32)
        executor = Executor(graph)
        *first, layer, last = (step.kernel for step in executor.plan)
        assert first == expected and layer.startswith("convolution u8s8") and last == "channels first"
        np.testing.assert_array_equal(executor.run(data)["y"], Interpreter(graph).run(data)["y"])


@pytest.mark.parametrize("per_channel", [False, True])
def test_codes_of_one_range_become_codes_of_another_in_one_step(per_channel: bool) -> None:
    net = Network(int8=True)
    x = net.max_pool(net.quantize(net.input(-1, 8, 6, 6), -4, 4 * 127 / 128))
    scale = net.rng.uniform(0.2, 2, 8) if per_channel else 1.0
    graph = net.result(net.depthwise(net.quantize(x, -1.7 * scale, 3.4 * scale)))
    data = 2 * np.random.default_rng(0).standard_normal((3, 8, 6, 6)).astype(np.float32)
    executor = Executor(graph)
    assert [step.kernel for step in executor.plan] == [
        "quantize",
        "max pool",
        "requantize",
        "depthwise u8s8",
        "channels first",
    ]
    np.testing.assert_array_equal(executor.run(data)["y"], Interpreter(graph).run(data)["y"])
