"""Transposed convolutions, phase by phase, against their definition: any window, all arithmetics, every end
of a layer.
"""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from numpot.ir.dtypes import F32, U8
from numpot.ir.executor.executor import Executor
from numpot.ir.graph import Graph
from numpot.ir.interpreter import Interpreter
from numpot.ir.ops import OPERATORS
from numpot.kernels.reference import INT16_MAX, INT16_MIN

from ....kernels.problems import codes, weights
from ....networks import Network

Draw = st.DrawFn
FEW, MANY = (settings(max_examples=n, deadline=None) for n in (30, 2000))


@st.composite
def windows(draw: Draw) -> dict[str, Any]:
    """Strides above and below the kernel, dilations that share a factor with them or none, pads that take
    whole taps off.
    """

    def pair(least: int, most: int) -> tuple[int, int]:
        return draw(st.tuples(st.integers(least, most), st.integers(least, most)))

    strides = pair(1, 4)
    padding = tuple(draw(st.integers(0, s - 1)) for s in strides)
    names = {
        "strides": strides,
        "pads_begin": pair(0, 4),
        "pads_end": pair(0, 3),
        "dilations": pair(1, 3),
        "output_padding": padding,
    }
    return {**names, "kernel": pair(1, 5), "size": pair(1, 7)}


def network(
    window: dict[str, Any], channels: tuple[int, int, int], type: str, seed: int, zero: int, arithmetic: Any
) -> Graph | None:
    """One layer of (groups, inputs of a group, outputs of a group) -> its sums; None if its pads leave
    nothing.
    """
    net, (groups, depth, outputs) = Network(seed=seed), channels
    size, kernel = window["size"], window["kernel"]
    attributes = {k: v for k, v in window.items() if k not in ("size", "kernel")}
    lengths = zip(
        size,
        kernel,
        *(attributes[n] for n in ("strides", "dilations", "pads_begin", "pads_end")),
        strict=True,
    )
    canvas = [(i - 1) * s + (k - 1) * d + 1 - begin - end for i, k, s, d, begin, end in lengths]
    if min(canvas) < 1:
        return None
    shape = (groups * depth, outputs, *kernel)
    x = net.input(-1, groups * depth, *size, dtype=U8 if type.endswith("Integer") else F32)
    if type == "ConvolutionBackpropData":
        return net.result(net.relu(net.do(type, x, net._normal(*shape), groups=groups, **attributes)))
    op = OPERATORS[type](groups=groups, arithmetic=arithmetic, **attributes)  # type: ignore[call-arg]
    return net.result(net.op(op, x, weights(net.rng, shape), np.array(zero, np.uint8)))


CHANNELS = st.tuples(st.integers(1, 3), st.integers(1, 9), st.integers(1, 20))
WIDE = st.tuples(st.just(1), st.integers(20, 70), st.integers(1, 70))  # whole words of AMX, several blocks
SEEDS, ARITHMETICS = st.integers(0, 2**16), st.sampled_from(["exact", "saturating"])
INTEGERS = st.tuples(
    windows(), CHANNELS | WIDE, SEEDS, st.sampled_from([0, 128]) | st.integers(0, 255), ARITHMETICS
)


def check_integers(
    window: dict[str, Any], channels: tuple[int, int, int], seed: int, zero: int, arithmetic: Any
) -> None:
    graph = network(window, channels, "ConvolutionBackpropDataInteger", seed, zero, arithmetic)
    if graph is not None:
        x = codes(np.random.default_rng(seed), (2, *graph.inputs[0].output.shape[1:]))
        expected = Interpreter(graph, arithmetic=arithmetic).run(x)["y"]
        for threads in (1, 2):
            np.testing.assert_array_equal(
                Executor(graph, arithmetic=arithmetic, threads=threads).run(x)["y"], expected
            )


@FEW
@given(INTEGERS)
def test_sums_are_the_definition(problem: Any) -> None:
    check_integers(*problem)


@pytest.mark.slow
@MANY
@given(INTEGERS)
def test_many_sums_are_the_definition(problem: Any) -> None:
    check_integers(*problem)


@FEW
@given(windows(), CHANNELS | st.tuples(st.integers(2, 40), st.just(1), st.just(1)), SEEDS)
def test_floats_are_the_definition_within_rounding_and_the_same_in_any_batch(
    window: dict[str, Any], channels: tuple[int, int, int], seed: int
) -> None:
    graph = network(window, channels, "ConvolutionBackpropData", seed, 0, "exact")
    if graph is not None:
        x = (
            np.random.default_rng(seed)
            .standard_normal((3, *graph.inputs[0].output.shape[1:]))
            .astype(np.float32)
        )
        executor = Executor(graph, threads=1)
        assert "numpy" not in [step.kernel for step in executor.plan]
        found = executor.run(x)["y"]
        expected = Interpreter(graph).run(x)["y"]
        # sums of hundreds of products may all but cancel: what rounding leaves is a part of the largest
        atol = 1e-5 * max(1.0, float(np.abs(expected).max(initial=0)))
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=atol)
        np.testing.assert_array_equal(
            np.concatenate([executor.run(x[i : i + 1])["y"] for i in range(3)]), found
        )


def test_positions_that_no_tap_paints_are_zero_whatever_the_input() -> None:
    window = {
        "strides": (3, 3),
        "pads_begin": (0, 0),
        "pads_end": (0, 0),
        "dilations": (1, 1),
        "output_padding": (2, 0),
    }
    graph = network(
        {**window, "kernel": (2, 2), "size": (3, 4)}, (1, 2, 3), "ConvolutionBackpropData", 0, 0, "exact"
    )
    assert graph is not None
    y = Executor(graph).run(np.full((1, 2, 3, 4), np.inf, np.float32))["y"]
    assert (y[:, :, 2::3] == 0).all() and (y[:, :, :, 2::3] == 0).all() and not (y[:, :, :2, :2] == 0).all()


# ---- in networks -------------------------------------------------------------------------------------------


def decoder(*, int8: bool, signed: bool) -> Graph:
    """Twice as large by a transposed convolution, joined with what was as large before, and once more with a
    residual branch.
    """
    net = Network(int8=int8)
    low = -4.0 if signed else 0.0
    bounds = (low, 4.0 * 127 / 128)
    wide = net.quantize(net.input(-1, 8, 8, 10), *bounds)
    small = net.quantize(net.relu(net.conv(wide, 16, 3, stride=2, pad=1)), *bounds)
    up = net.quantize(net.relu(transposed(net, small, 8)), *bounds)
    y = net.quantize(net.do("Add", up, wide), *bounds)
    y = net.quantize(transposed(net, net.do("Concat", y, wide, axis=1), 12), *bounds)
    return net.result(net.conv(y, 5))


def transposed(net: Network, x: Any, channels: int) -> Any:
    """(N,C,H,W) -> (N,channels,2H,2W), with bias."""
    scale = np.float32(1 / np.sqrt(4 * x.shape[1]))
    w: Any = scale * net._normal(x.shape[1], channels, 4, 4)
    if net.int8:
        by_channel = net.rng.uniform(0.5, 1.5, (1, channels, 1, 1)).astype(np.float32) * scale / 64
        w = net.do("Multiply", net.do("Convert", weights(net.rng, w.shape), destination_type=F32), by_channel)
    window = {
        "strides": (2, 2),
        "pads_begin": (1, 1),
        "pads_end": (1, 1),
        "dilations": (1, 1),
        "output_padding": (0, 0),
    }
    return net.do("Add", net.do("ConvolutionBackpropData", x, w, **window), net._normal(1, channels, 1, 1))


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("arithmetic", ["exact", "saturating"])
def test_a_decoder_of_integers_is_one_stretch_and_the_interpreters_bit_for_bit(
    arithmetic: Any, signed: bool
) -> None:
    graph = decoder(int8=True, signed=signed)
    x = 2 * np.random.default_rng(0).standard_normal((5, 8, 8, 10)).astype(np.float32)
    expected = Interpreter(graph, arithmetic=arithmetic).run(x)["y"]
    for threads in (1, 2):
        executor = Executor(graph, arithmetic=arithmetic, threads=threads)
        np.testing.assert_array_equal(executor.run(x)["y"], expected)
        np.testing.assert_array_equal(executor.run(x[:1])["y"], expected[:1])
    kernels = [step.kernel for step in executor.plan]
    assert sum(kernel.startswith("transposed convolution u8s8") for kernel in kernels) == 2 * 4  # phases


def test_a_decoder_of_floats() -> None:
    graph = decoder(int8=False, signed=False)
    x = np.random.default_rng(0).standard_normal((3, 8, 8, 10)).astype(np.float32)
    executor = Executor(graph)
    np.testing.assert_allclose(executor.run(x)["y"], Interpreter(graph).run(x)["y"], rtol=1e-4, atol=1e-4)
    assert [s.fused for s in executor.plan if s.kernel.startswith("transposed")][0] and len(
        executor.compiled.schedule.items
    ) == 1


def test_pairs_that_clip_are_counted_once_for_all_phases() -> None:
    window = {
        "strides": (2, 2),
        "pads_begin": (1, 0),
        "pads_end": (0, 1),
        "dilations": (1, 1),
        "output_padding": (0, 0),
    }
    graph = network(
        {**window, "kernel": (3, 2), "size": (5, 6)},
        (1, 7, 20),
        "ConvolutionBackpropDataInteger",
        1,
        0,
        "saturating",
    )
    assert graph is not None
    x = codes(np.random.default_rng(0), (2, 7, 5, 6))
    executor = Executor(graph, arithmetic="saturating", count_saturation=True)
    executor.run(x)
    (layer,) = executor.saturation
    (node,) = graph.of_type("ConvolutionBackpropDataInteger")
    op: Any = node.op
    w = node.inputs[1].constant
    assert w is not None
    counts, worst = np.zeros(20, int), np.zeros(20, int)
    for first in range(0, 7, 2):
        sums = op._products(x[:, first : first + 2].astype(np.int32), w[first : first + 2])
        for part in _single_taps(np.abs(sums - np.clip(sums, INT16_MIN, INT16_MAX))):
            miss = op._float.paint(part, (5, 6), (3, 2))
            counts += (miss > 0).sum(axis=(0, 2, 3))
            worst = np.maximum(worst, miss.max(axis=(0, 2, 3)))
    np.testing.assert_array_equal(layer.saturated, counts)
    np.testing.assert_array_equal(layer.largest_overflow, worst)
    assert counts.sum() > 0 and layer.pairs >= counts.sum()


def _single_taps(products: np.ndarray) -> list[np.ndarray]:
    """(N,O,kh,kw,H,W) -> one such array a tap, zero at all others: so that cropped ones are not counted, and
    none are summed.
    """
    taps = []
    for tap in np.ndindex(products.shape[2:4]):
        alone = np.zeros_like(products)
        alone[:, :, *tap] = products[:, :, *tap]
        taps.append(alone)
    return taps
