"""Which layers get narrower weights, that those can never clip, and that `auto` narrows them no further than
needed.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from numpot.ir.executor.executor import Executor
from numpot.ir.graph import Graph
from numpot.ir.lowering.lower import integer_weights
from numpot.kernels.saturation import pairings, provably_safe, safe_anywhere
from numpot.quant.default_quantization import quantize
from numpot.quant.ranges.bounds import symmetric_weight_range
from numpot.quant.weights.int8_weights import quantize_weights
from numpot.quant.weights.measure_saturation import measure_saturation
from numpot.quant.weights.saturation_fix import first_convolutions, fitting_factor, weight_factors

from ...networks import Network
from ..data.array_data import ArrayData, normal


def two_stems() -> Graph:
    """Input a meets a convolution, and, past a matrix product, another; input b only one that comes second
    for a.
    """
    net = Network()
    a, b = net.input(-1, 4, 8, 8, name="a"), net.input(-1, 4, 8, 8, name="b")
    first = net.relu(net.conv(a, 4, name="first"))
    late = net.conv(net.matmul(a, 8, name="product"), 4, name="late")
    both = net.conv(net.do("Concat", first, b, axis=1), 4, name="both")
    return net.result(net.conv(net.do("Add", both, late, name="sum"), 4, name="last"))


def names(nodes) -> set[str]:
    return {node.name for node in nodes}


def test_first_convolutions_are_those_that_an_input_reaches_without_passing_another():
    assert names(first_convolutions(two_stems())) == {"first", "late", "both"}


def test_modes():
    graph = two_stems()
    assert weight_factors(graph, "no", {"last"}).keys() == set()
    assert weight_factors(graph, "auto", {"last"}).keys() == set()  # those that clip are found on the samples
    assert weight_factors(graph, "first_layer", {"last"}).keys() == {"first", "late", "both", "last"}
    assert weight_factors(graph, "all", set()).keys() == {"first", "late", "both", "last", "product"}
    assert weight_factors(graph, "auto-strict", set()).keys() == {"first", "late", "both", "last", "product"}


def test_a_model_without_convolutions_is_left_alone():
    net = Network()
    graph = net.result(net.matmul(net.input(-1, 4), 4))
    assert not weight_factors(graph, "all", set())


class Signs(Network):
    """Weights of one size, so that pairs of large ones are everywhere."""

    def _normal(self, *shape: int) -> np.ndarray:
        return np.sign(super()._normal(*shape))


def wild_network() -> Graph:
    net = Signs()
    y = net.relu(net.conv(net.input(-1, 16, 6, 6), 16, 3, pad=1, name="first"))
    y = net.relu(net.conv(y, 16, 3, pad=1, name="second"))
    return net.result(net.matmul(net.mean(y), 4, name="head"))


@pytest.mark.parametrize(
    ("mode", "safe"), [("no", set()), ("first_layer", {"first"}), ("all", {"first", "second", "head"})]
)
def test_seven_bit_layers_are_safe_and_others_clip(mode, safe):
    x = np.abs(normal(8, 16, 6, 6)) * 3
    graph = quantize(wild_network(), ArrayData(x), saturation_fix=mode)
    assert set(graph.info["quantization"]["narrowed_weights"]) == safe
    for layer in graph.of_type("Convolution", "MatMul"):
        weights = integer_weights(layer.inputs[1])
        assert weights is not None
        codes = weights.codes if weights.codes.ndim == 4 else weights.codes[:, :, None, None]
        if layer.name in safe:
            assert codes.min() >= -63 and codes.max() == 64 and provably_safe(codes).all()
        else:
            assert codes.max() == 127 and not provably_safe(codes).any()
    executor = Executor(graph, arithmetic="saturating", count_saturation=True)
    executor.run(x)
    clipped = {layer.name for layer in executor.saturation if layer.saturated.any()}
    assert clipped == {"first", "second", "head"} - safe
    assert {layer.name for layer in executor.saturation if layer.provably_safe} == safe


def codes_of(graph: Graph, name: str) -> np.ndarray:
    weights = integer_weights(graph.nodes[name].inputs[1])
    assert weights is not None
    return weights.codes if weights.codes.ndim == 4 else weights.codes[:, :, None, None]


@pytest.mark.parametrize("mode", ["auto", "auto-strict"])
def test_auto_modes_leave_nothing_that_clips_on_the_samples(mode):
    x = np.abs(normal(8, 16, 6, 6)) * 3
    graph = quantize(wild_network(), ArrayData(x), saturation_fix=mode)
    executor = Executor(graph, arithmetic="saturating", count_saturation=True)
    executor.run(x)
    assert not any(layer.saturated.any() for layer in executor.saturation)
    assert all(
        provably_safe(codes_of(graph, name)).all() for name in graph.info["quantization"]["narrowed_weights"]
    )


def test_auto_leaves_layers_alone_that_do_not_clip():
    """Inputs close to zero: no pair of codes comes near the limit in the head, though its weights could."""
    net = Signs()
    y = net.relu(net.conv(net.input(-1, 16, 6, 6), 16, 3, pad=1, name="first"))
    graph = net.result(net.matmul(net.mean(y), 4, name="head"))
    x = np.abs(normal(8, 16, 6, 6)) * np.float32(3)
    x[:, 1::2] = -x[:, 1::2]  # neighbours of opposite sign: their codes lie on either side of the zero point
    strict = quantize(graph, ArrayData(x), saturation_fix="auto-strict").info["quantization"][
        "narrowed_weights"
    ]
    found = quantize(graph, ArrayData(x), saturation_fix="auto").info["quantization"]["narrowed_weights"]
    clipping = Executor(
        quantize(graph, ArrayData(x), saturation_fix="no"), arithmetic="saturating", count_saturation=True
    )
    clipping.run(x)
    assert strict == ["first", "head"]
    assert set(found) == {layer.name for layer in clipping.saturation if layer.saturated.any()}


@pytest.mark.parametrize("kernel", [(5,), (3, 2), (2, 3, 3)])
def test_one_input_channel_with_a_kernel_of_any_rank(kernel):
    w = np.ones((2, 1, *kernel), np.float32)
    high = np.ones((2, 1, *(1,) * len(kernel)), np.float32)
    ways = pairings(w.shape)
    factor = fitting_factor(w, high, ways)
    assert factor.shape == high.shape and np.all((factor > 1.9) & (factor <= 2))
    assert safe_anywhere(quantize_weights(w, -high, high, 255, factor).codes, ways).all()
    assert np.all(fitting_factor(w, high, pairings(w.shape, groups=2)) == 1)  # depthwise


SHAPES = [
    ((3, 5), 1, True),
    ((4, 7, 3), 1, False),
    ((4, 3, 2, 2), 2, False),
    ((4, 1, 3, 3), 2, False),
    ((2, 301), 1, True),
    ((2, 1, 2, 3), 1, False),
]


@pytest.mark.parametrize(("shape", "groups", "is_matrix"), SHAPES)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.3, 1.0, 3.0]))
@settings(max_examples=20)
def test_the_fitting_factor_is_safe_and_not_wasteful(shape, groups, is_matrix, seed, spread):
    w = (np.random.default_rng(seed).uniform(-1, 1, shape) ** spread.as_integer_ratio()[0]).astype(np.float32)
    ways = pairings(shape, groups=groups, is_matrix=is_matrix)
    _, high = symmetric_weight_range(np.abs(w).max(axis=tuple(range(1, w.ndim)), keepdims=True))
    factor = fitting_factor(w, high, ways)
    assert factor.shape == high.shape and (factor >= 1).all() and (factor <= 2).all()
    assert safe_anywhere(quantize_weights(w, -high, high, 255, factor).codes, ways).all()
    # where it narrows, a little less would not have been safe
    for channel in np.flatnonzero(factor.ravel() > 1 + 1 / 32):
        less = quantize_weights(
            w,
            -high,
            high,
            255,
            np.where(np.arange(len(w)) == channel, 0.96, 1.0).reshape(factor.shape) * factor,
        )
        assert not safe_anywhere(less.codes, ways)[channel]


@pytest.mark.parametrize("type", ["Convolution", "ConvolutionBackpropData", "MatMul"])
def test_auto_strict_makes_every_kind_of_layer_safe(type: str) -> None:
    """Output channels are another axis in each."""
    net = Network()
    x = net.input(-1, 6, 5, 5)
    if type == "Convolution":
        y = net.conv(x, 4, 3, name="layer")
    elif type == "MatMul":
        y = net.matmul(net.mean(x), 4, name="layer")
    else:
        ones = (1, 1)
        w = np.random.default_rng(0).standard_normal((6, 4, 2, 2)).astype(np.float32)
        where = {
            "strides": ones,
            "dilations": ones,
            "pads_begin": (0, 0),
            "pads_end": (0, 0),
            "output_padding": (0, 0),
        }
        y = net.do("ConvolutionBackpropData", x, w, **where, name="layer")
    int8 = quantize(net.result(y), ArrayData(normal(8, 6, 5, 5)), saturation_fix="auto-strict")
    (layer,) = measure_saturation(int8, ArrayData(normal(8, 6, 5, 5)))
    assert layer.provably_safe


@pytest.mark.parametrize("mode", ["no", "auto", "auto-strict", "first_layer"])
def test_one_input_channel_is_narrowed_though_nothing_can_be_counted_there(mode):
    """Depthwise layers have one input channel, too, and nothing pairs their products."""
    net = Signs()
    y = net.relu(net.conv(net.input(-1, 1, 8, 8), 16, 3, pad=1, name="grey"))
    graph = net.result(net.matmul(net.mean(net.relu(net.depthwise(y, name="filter"))), 4, name="head"))
    x = np.abs(normal(8, 1, 8, 8)) * np.float32(3)
    int8 = quantize(graph, ArrayData(x), saturation_fix=mode)
    grey, filter, _ = measure_saturation(int8, ArrayData(x))
    assert not grey.saturated.any() and filter.provably_safe and not filter.clips_elsewhere
    assert grey.clips_elsewhere == (mode == "no") != grey.provably_safe
    assert ("grey" in int8.info["quantization"]["narrowed_weights"]) == (mode != "no")
    assert codes_of(int8, "filter").max() == 127
