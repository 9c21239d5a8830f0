"""Squeeze-and-excite blocks with hard activations, as MobileNetV3 has them: every step has a kernel, and the
interpreter's bits.
"""

from typing import Any

import numpy as np
import pytest

from numpot.ir.executor.executor import Executor
from numpot.ir.graph import Graph
from numpot.ir.interpreter import Interpreter

from ....networks import Network


def excited(*, int8: bool, low: float = -0.5) -> Graph:
    """low: of the range that the mean reads; real zero is a code if it is -0.5."""
    net = Network(int8=int8)
    x = net.do("HSwish", net.conv(net.quantize(net.input(-1, 8, 5, 6), -4, 4 * 127 / 128), 20, 3, pad=1))
    x = net.quantize(x, low, 4.6)
    gate = net.quantize(net.do("ReduceMean", x, np.array([2, 3]), keep_dims=True), -0.5, 4.6)
    gate = net.quantize(net.relu(net.conv(gate, 6)), 0, 2)
    gate = net.do("HSigmoid", net.conv(gate, 20))
    y = net.do("Multiply", gate, net.do("Multiply", x, net.do("HSwish", x)))
    return net.result(net.conv(net.quantize(y, -1, 1), 5))


@pytest.mark.parametrize("low", [-0.5, -0.4])
@pytest.mark.parametrize("arithmetic", ["exact", "saturating"])
def test_a_block_of_integers_is_the_interpreters_bit_for_bit(arithmetic: Any, low: float) -> None:
    graph = excited(int8=True, low=low)
    x = 2 * np.random.default_rng(0).standard_normal((5, 8, 5, 6)).astype(np.float32)
    expected = Interpreter(graph, arithmetic=arithmetic).run(x)["y"]
    for threads in (1, 2):
        executor = Executor(graph, arithmetic=arithmetic, threads=threads)
        np.testing.assert_array_equal(executor.run(x)["y"], expected)
        np.testing.assert_array_equal(executor.run(x[:1])["y"], expected[:1])
    # a FakeQuantize without integers, and its mean
    assert ("numpy" in [step.kernel for step in executor.plan]) == (low == -0.4)


def test_a_block_of_floats_has_a_kernel_for_every_step() -> None:
    graph = excited(int8=False)
    x = np.random.default_rng(0).standard_normal((3, 8, 5, 6)).astype(np.float32)
    executor = Executor(graph)
    np.testing.assert_allclose(executor.run(x)["y"], Interpreter(graph).run(x)["y"], rtol=1e-5, atol=1e-5)
    kernels = [step.kernel for step in executor.plan]
    assert "numpy" not in kernels and kernels.count("product f32") == 2 and kernels.count("HSwish f32") == 2


def test_special_numbers() -> None:
    for type in ("HSwish", "HSigmoid"):
        net = Network()
        graph = net.result(net.do(type, net.input(-1, 7)))
        x = np.array([[np.nan, np.inf, -np.inf, -3, 3, -0.0, 1e-30]], np.float32)
        np.testing.assert_array_equal(Executor(graph).run(x)["y"], Interpreter(graph).run(x)["y"])


@pytest.mark.parametrize("exclude_pad", [False, True])
def test_windows_of_codes_are_summed_and_scaled_by_kernels(exclude_pad: bool) -> None:
    net = Network(int8=True)
    x = net.quantize(net.input(-1, 8, 7, 6), -0.5, 4.6)
    window = {"kernel": (3, 2), "strides": (2, 1), "pads_begin": (1, 0), "pads_end": (1, 1)}
    y = net.do("AvgPool", x, exclude_pad=exclude_pad, **window)
    graph = net.result(net.conv(net.quantize(y, -0.5, 4.6), 5))
    data = 2 * np.random.default_rng(0).standard_normal((3, 8, 7, 6)).astype(np.float32)
    executor = Executor(graph)
    kernels = [step.kernel for step in executor.plan]
    # then the divisor changes from position to position
    assert "sum pool" in kernels and ("numpy" in kernels) == exclude_pad
    np.testing.assert_array_equal(executor.run(data)["y"], Interpreter(graph).run(data)["y"])
