"""Range estimators from end to end: what is asked for is what the bounds are, by plain NumPy on
the samples.
"""

import numpy as np
import pytest

from numpot.ir.executor.executor import Executor
from numpot.quant.default_quantization import quantize
from numpot.quant.errors import QuantizationError

from ...networks import Network
from ..data.array_data import ArrayData, normal

X = normal(40, 3, 8, 8) ** 3
PER_SAMPLE = X.reshape(len(X), -1)
INPUT = "stem/fq_input_0"


def network():
    net = Network()
    x = net.relu(net.conv(net.input(-1, 3, 8, 8), 8, 3, pad=1, name="stem"))
    return net.result(net.matmul(net.mean(net.depthwise(x, name="filter")), 5, name="head"))


def bounds(preset: str = "performance", quantizer: str = INPUT, **options) -> tuple[np.ndarray, np.ndarray]:
    node = quantize(network(), ArrayData(X), preset=preset, **options).nodes[quantizer]
    return node.inputs[1].constant, node.inputs[2].constant


def symmetric(high: float) -> list[float]:
    return [-high * 128 / 127, high]


def test_the_default_and_the_quantile_preset():
    np.testing.assert_allclose(bounds(), symmetric(np.abs(PER_SAMPLE).max(1).mean()), rtol=1e-6)
    expected = symmetric(np.quantile(np.abs(PER_SAMPLE), 1 - 1e-4, axis=1).mean())
    np.testing.assert_allclose(bounds(range_estimator="quantile"), expected, rtol=1e-5)
    np.testing.assert_allclose(
        bounds(activations={"range_estimator": {"preset": "quantile"}}), expected, rtol=1e-5
    )


@pytest.mark.parametrize("aggregator", ["min", "max", "mean", "batch_mean", "median"])
@pytest.mark.parametrize("reduction", ["abs_max", "max", "abs_quantile", "quantile", "mean"])
def test_one_end_as_asked_for(reduction, aggregator):
    x = np.abs(PER_SAMPLE) if "abs" in reduction else PER_SAMPLE
    value = (
        np.quantile(x, 0.9, axis=1)
        if "quantile" in reduction
        else getattr(np, reduction.removeprefix("abs_"))(x, axis=1)
    )
    expected = getattr(np, aggregator.removeprefix("batch_"))(value.astype(np.float64))
    end = {"type": reduction, "aggregator": aggregator, "outlier_prob": 0.1}
    low, high = bounds(activations={"range_estimator": {"max": end}})
    np.testing.assert_allclose([low, high], symmetric(max(expected, 8e-5, 0.01 * expected)), rtol=1e-5)


def test_the_inner_estimator_replaces_the_global_one():
    options = {
        "range_estimator": "quantile",
        "activations": {"range_estimator": {"max": {"aggregator": "max"}}},
    }
    np.testing.assert_allclose(bounds(**options), symmetric(np.abs(PER_SAMPLE).max()), rtol=1e-6)


def test_clipping_comes_last():
    """After zero was put on a code: the bounds are the values that are given."""
    estimator = {"min": {"clipping_value": -1.25}, "max": {"clipping_value": 2.5}}
    assert bounds(activations={"range_estimator": estimator}) == (-1.25, 2.5)
    low, high = bounds(
        quantizer="filter/fq_input_0", activations={"range_estimator": {"max": {"clipping_value": 0.5}}}
    )
    assert high.size == 8 and high.max() == 0.5


def test_weights_as_asked_for():
    graph = network()
    rows = graph.nodes["stem"].inputs[1].constant.reshape(8, -1)
    for options, expected in (
        ({}, np.abs(rows).max(1)),
        ({"range_estimator": "quantile"}, np.quantile(np.abs(rows), 1 - 1e-4, axis=1)),
        (
            {"range_estimator": {"max": {"type": "abs_quantile", "outlier_prob": 0.2}}},
            np.quantile(np.abs(rows), 0.8, axis=1),
        ),
        ({"range_estimator": {"max": {"clipping_value": 0.01}}}, np.full(8, 0.01)),
        ({"granularity": "pertensor"}, np.abs(rows).max()[None]),
    ):
        quantized = quantize(graph, ArrayData(X), weights=options, saturation_fix="no")
        scale = quantized.nodes["stem"].inputs[1].producer.inputs[1].constant
        if "clipping_value" in str(options):
            low = -np.maximum(np.abs(rows).max(1), 0.01 * np.abs(rows).max())
            # only the end that is given moves
            np.testing.assert_allclose(scale.ravel(), (expected - low) / 254, rtol=1e-5)
        else:
            np.testing.assert_allclose(scale.ravel(), expected / 127, rtol=1e-5)


@pytest.mark.parametrize("preset", ["performance", "mixed"])
@pytest.mark.parametrize("estimator", ["percentile", "mse", "layer_noise", "auto"])
def test_searched_ranges_lie_within_what_was_seen(estimator, preset):
    quantized = quantize(network(), ArrayData(X), preset=preset, range_estimator=estimator)
    widest = quantize(
        network(),
        ArrayData(X),
        preset=preset,
        activations={"range_estimator": {"min": {"aggregator": "min"}, "max": {"aggregator": "max"}}},
    )
    for node in quantized.of_type("FakeQuantize"):
        (low, high), (least, most) = (
            [t.constant for t in g.nodes[node.name].inputs[1:3]] for g in (quantized, widest)
        )
        step = (most - least) / 255
        assert (low >= least - step).all() and (high <= most + step).all() and (low < high).all()
    chosen = quantized.info["quantization"]["chosen_estimators"]
    assert chosen.keys() == (
        {n.name for n in quantized.of_type("FakeQuantize")} if estimator == "auto" else set()
    )


def rescaled(exponents: np.ndarray):
    """A residual block whose channels between the layers are multiplied by powers of two: the same function,
    whatever the powers.
    """
    net = Network(seed=3)
    x = net.conv(net.input(-1, 3, 8, 8), 16, name="stem")
    y = net.do("Add", net.conv(net.relu(net.conv(x, 16, name="a")), 16, name="b"), x, name="join")
    graph = net.result(net.matmul(net.mean(net.conv(y, 16, name="c")), 5, name="head"))
    scale = np.exp2(exponents).astype(np.float32)[:, None, None]
    for name, factor in (
        ("stem", scale[..., None]),
        ("b", scale[..., None]),
        ("a", 1 / scale),
        ("c", 1 / scale),
    ):
        layer = graph.nodes[name]
        graph.set_input(layer, 1, graph.constant(layer.inputs[1].constant * factor))
        if name in ("stem", "b"):
            bias = layer.output.consumers[0].node
            graph.set_input(bias, 1, graph.constant(bias.inputs[1].constant * scale))
    return graph


def test_noise_in_layers_is_what_counts_when_channels_differ_in_size():
    """Signal to noise of the outputs. Measured, dB: default 9.8, mse 4.5, layer_noise and auto 20.9."""
    graph = rescaled(np.array([0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 5]))
    expected = Executor(graph).run(X)["y"]
    np.testing.assert_allclose(Executor(rescaled(np.zeros(16))).run(X)["y"], expected, rtol=1e-3, atol=1e-4)
    sqnr = {}
    for estimator in ("default", "mse", "layer_noise", "auto"):
        found = Executor(quantize(graph, ArrayData(X), range_estimator=estimator)).run(X)["y"]
        sqnr[estimator] = 10 * np.log10(np.mean(np.square(expected)) / np.mean(np.square(found - expected)))
    assert min(sqnr["layer_noise"], sqnr["auto"]) > max(sqnr["default"], sqnr["mse"]) + 6


@pytest.mark.parametrize("inplace", [True, False])
@pytest.mark.parametrize(
    "estimator", ["default", "quantile", {"max": {"aggregator": "hl_estimator"}}, "auto"]
)
def test_results_depend_neither_on_the_batch_nor_on_where_statistics_are_kept(estimator, inplace):
    expected, found = (
        quantize(
            network(),
            ArrayData(X),
            range_estimator=estimator,
            stat_batch_size=batch,
            inplace_statistics=place,
        )
        for batch, place in ((8, True), (3, inplace))
    )
    for node in expected.of_type("Constant"):
        np.testing.assert_array_equal(found.nodes[node.name].output.constant, node.output.constant)


# ---- what is refused ---------------------------------------------------------------------------------------


def test_limits_that_leave_no_range_are_refused():
    with pytest.raises(QuantizationError) as caught:
        quantize(network(), ArrayData(X), activations={"range_estimator": {"max": {"clipping_value": 0}}})
    message = (
        "range_estimator: clipping_value leaves nothing of a range, found [0, 0]; zero must lie "
        "between the limits"
    )
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weights": {"bit": 8}}, "weights: 'bit' is not known. Did you mean 'bits'?"),
        (
            {"weights": {"zzz": 8}},
            "weights: 'zzz' is not known. Known are bits, mode, granularity, level_low, level_high, "
            "range_estimator",
        ),
        ({"weights": {"bits": 9}}, "weights.bits must be 2 to 8, found 9"),
        ({"weights": {"bits": 1}}, "weights.bits must be 2 to 8, found 1"),
        ({"weights": {"bits": 7.5}}, "weights.bits must be a whole number, found 7.5"),
        ({"weights": {"bits": True}}, "weights.bits must be a whole number, found True"),
        ({"weights": 8}, "weights must be a dictionary, found 8"),
        (
            {"activations": {"mode": "symetric"}},
            "activations.mode must be one of symmetric, asymmetric, found 'symetric'. Did you mean "
            "'symmetric'?",
        ),
        ({"activations": {"level_low": 3}}, "activations.level_low must be -128 to 0 for 8 bits, found 3"),
        (
            {"activations": {"bits": 4, "level_high": 20}},
            "activations.level_high must be 1 to 15 for 4 bits, found 20",
        ),
        (
            {"activations": {"bits": 4, "level_high": 15, "level_low": -1}},
            "activations: level_low -1 to level_high 15 are 17 levels; 4 bits have 16",
        ),
        (
            {"range_estimator": "quantil"},
            "range_estimator.preset must be one of default, quantile, percentile, mse, layer_noise, "
            "auto, found 'quantil'. "
            "Did you mean 'quantile'?",
        ),
        ({"range_estimator": {"mx": {}}}, "range_estimator: 'mx' is not known. Did you mean 'max'?"),
        (
            {"activations": {"range_estimator": {"max": {"type": "abs_mx"}}}},
            "activations.range_estimator.max.type must be one of min, max, abs_max, mean, quantile, "
            "abs_quantile, found 'abs_mx'. "
            "Did you mean 'abs_max'?",
        ),
        (
            {"range_estimator": {"min": {"outlier_prob": 0.5}}},
            "range_estimator.min.outlier_prob must be from 0 to below 0.5, found 0.5",
        ),
        (
            {"range_estimator": {"preset": "mse", "max": {"type": "max"}}},
            "range_estimator.max.type does not go with preset 'mse', which finds the range itself",
        ),
        (
            {"range_estimator": {"max": {"clipping_value": "6"}}},
            "range_estimator.max.clipping_value must be a number, found '6'",
        ),
    ],
)
def test_parameters_that_make_no_sense_are_refused(options, message):
    with pytest.raises(QuantizationError) as caught:
        quantize(network(), ArrayData(X), **options)
    assert str(caught.value) == message
