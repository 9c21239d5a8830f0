"""Searched ranges: no worse than any other on the values they were made from, counted with real rounding."""

import numpy as np
import pytest

from numpot.quant.placement.placement import find_quantizers
from numpot.quant.ranges.channel_importance import channel_axis_of, importance
from numpot.quant.ranges.histogram_search import least_noise_range, noise, percentile_range
from numpot.quant.ranges.schemes import Scheme
from numpot.quant.ranges.weight_ranges import weight_bounds
from numpot.quant.settings.range_options import RangeEstimation
from numpot.quant.statistics.histogram import Histogram

from ...networks import Network

RNG = np.random.default_rng(0)
TAILED = RNG.laplace(size=(50, 1, 400)).astype(np.float32)  # a few are ten times as large as most


def histogram(x: np.ndarray, axis: int | None = None) -> Histogram:
    made = Histogram(axis)
    made.update(x)
    return made


def squared_error(x: np.ndarray, low: float, high: float, levels: int) -> float:
    """With zero on a code or not: the search does not move it."""
    step = (high - low) / (levels - 1)
    return float(np.square(np.rint((np.clip(x, low, high) - low) / step) * step + low - x).sum())


@pytest.mark.parametrize("bits", [4, 6, 8])
@pytest.mark.parametrize("x", [TAILED, np.abs(TAILED), np.maximum(TAILED, 0)])
def test_predicted_noise_is_that_of_rounding(x, bits):
    for share in (0.1, 0.3, 0.7, 1.0):
        low, high = min(float(x.min()) * share, 0.0), float(x.max()) * share
        (predicted,) = noise(histogram(x), np.array([low]), np.array([high]), 2**bits)[0]
        assert predicted == pytest.approx(squared_error(x, low, high, 2**bits), rel=0.15)


@pytest.mark.parametrize("mode", ["symmetric", "asymmetric"])
@pytest.mark.parametrize("x", [TAILED, np.abs(TAILED)])
def test_the_range_found_is_about_the_best(x, mode):
    scheme = Scheme(4, mode, "pertensor")
    low, high = least_noise_range(
        histogram(x), np.ones(1), scheme, float(x.min()), float(x.max()), signed=bool((x < 0).any())
    )
    found = squared_error(x, low, high, 16)
    shares = np.linspace(0.05, 1, 96)
    others = [
        squared_error(x, min(float(x.min()) * a, 0), float(x.max()) * b, 16)
        for a in shares[::5]
        for b in shares
    ]
    if mode == "symmetric" and low < 0:
        assert low == -high
        others = [
            squared_error(x, -float(np.abs(x).max()) * a, float(np.abs(x).max()) * a, 16) for a in shares
        ]
    assert found <= 1.1 * min(others)
    assert high < 0.8 * np.abs(x).max()  # and not the whole


def test_percentiles_are_those_of_all_values_zeros_included():
    x = np.maximum(RNG.standard_normal((20, 3, 1000)).astype(np.float32), -1)
    x[:, 1] = np.maximum(x[:, 1], 0)
    for axis, parts in ((None, [x]), (1, [x[:, 0], x[:, 1], x[:, 2]])):
        low, high = percentile_range(histogram(x, axis), 0.001, 0.01)
        for c, part in enumerate(parts):
            width = float(np.abs(part).max()) / 128
            assert low[c] == pytest.approx(np.quantile(part, 0.001), abs=width)
            assert high[c] == pytest.approx(np.quantile(part, 0.99), abs=width)


# ---- which channels matter ---------------------------------------------------------------------------------


def rescaled_channels(scale: np.ndarray):
    """A convolution that reads channels of these sizes and undoes them, and the tensor's histogram."""
    net = Network()
    x = net.input(-1, len(scale), 4, 4)
    y = net.conv(x, 5, name="reader")
    weights = y.producer.inputs[0].producer.inputs[1]
    undone = net.graph.constant((weights.constant / scale[:, None, None]).astype(np.float32))
    net.graph.set_input(net.graph.nodes["reader"], 1, undone)
    graph = net.result(y)
    (quantizer,) = (q for q in find_quantizers(graph) if not q.is_weight)
    data = np.random.default_rng(1).standard_normal((30, len(scale), 4, 4)) * scale[:, None, None]
    return quantizer, histogram(data.astype(np.float32), channel_axis_of(quantizer))


def test_importance_does_not_see_that_channels_were_rescaled():
    """Multiplying a channel by s and its weights by 1/s changes no output, so its errors count s^2 less."""
    scale = np.array([1, 4, 1 / 16, 64], np.float64)
    plain, rescaled = (importance(*rescaled_channels(s)) for s in (np.ones(4), scale))
    np.testing.assert_allclose(rescaled * scale**2, plain, rtol=0.02)


def test_importance_is_the_noise_to_signal_ratio_of_outputs():
    """Measured: independent noise in one channel, through the layer."""
    quantizer, counts = rescaled_channels(np.array([1, 4, 0.25, 2]))
    weights = quantizer.uses[0].node.inputs[1].constant[:, :, 0, 0].astype(np.float64)  # (5, 4)
    rng = np.random.default_rng(2)
    x = rng.standard_normal((100_000, 4)) * np.array([1, 4, 0.25, 2])
    signal = np.square(x @ weights.T).mean(axis=0)
    for channel, predicted in enumerate(importance(quantizer, counts)):
        noisy = np.zeros_like(x)
        noisy[:, channel] = 0.1 * rng.standard_normal(len(x))
        measured = (np.square(noisy @ weights.T).mean(axis=0) / signal).mean() / 0.01
        assert predicted == pytest.approx(measured, rel=0.1)


def test_readers_of_other_kinds():
    """Groups, a Flatten between, a depthwise reader beside another, and an Add."""
    net = Network()
    x = net.input(-1, 4, 3, 3)
    grouped = net.conv(x, 6, groups=2, name="grouped")
    both = net.do("Add", net.depthwise(net.relu(x), name="filter"), net.relu(x), name="join")
    flat = net.matmul(net.do("Flatten", both, axis=1), 5, name="head")
    net.result(grouped, "a")
    graph = net.result(flat, "b")
    data = np.abs(np.random.default_rng(3).standard_normal((10, 4, 3, 3))).astype(np.float32)
    for quantizer in find_quantizers(graph):
        if not quantizer.is_weight:
            weight = importance(quantizer, histogram(data, channel_axis_of(quantizer)))
            assert weight.shape == (4,) and (weight > 0).all()
            # each reader's ratio is 1 when the noise is the signal itself
            total = float(weight @ histogram(data, 1).power)
            assert total == pytest.approx(len(quantizer.layers), rel=1e-9), quantizer.name


# ---- weights -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["symmetric", "asymmetric"])
@pytest.mark.parametrize("bits", [3, 8])
def test_searched_weight_ranges_are_no_worse_in_any_channel(mode, bits):
    weights = (RNG.standard_normal((6, 40, 3, 3)) ** 3).astype(np.float32)
    scheme = Scheme(bits, mode, "perchannel", is_weight=True)
    errors = {}
    for preset in ("default", "mse"):
        low, high = weight_bounds(weights, 0, scheme, RangeEstimation(preset))
        assert low.shape == high.shape == (6, 1, 1, 1)
        errors[preset] = [
            squared_error(w, float(a), float(b), scheme.levels)
            for w, a, b in zip(weights, low.ravel(), high.ravel(), strict=True)
        ]
    assert all(m <= d * (1 + 1e-4) for m, d in zip(errors["mse"], errors["default"], strict=True))
    if bits == 3:
        assert sum(errors["mse"]) < 0.9 * sum(errors["default"])
