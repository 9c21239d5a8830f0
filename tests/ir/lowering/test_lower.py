"""From FakeQuantize to integers: each rule of the lowering, and that the integer graph computes what was
simulated.
"""

from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from numpot.ir.dtypes import F16, F32, U8
from numpot.ir.graph import Graph, Node, Tensor
from numpot.ir.interpreter import Interpreter
from numpot.ir.lowering.lower import (
    INTEGER_LAYERS,
    IntegerArithmetic,
    for_arithmetic,
    integer_layers,
    integer_weights,
    lower,
)
from numpot.ir.ops.common.quantization import quantization_multiplier
from numpot.ir.ops.constant import Constant
from numpot.ir.ops.convert import Convert

from ...networks import Network
from ..int8_networks import NETWORKS, SIGNED, network, samples
from ..random_networks import inputs, networks

LOW, HIGH = -2.0, 2.0 * 127 / 128  # symmetric: zero is code 128


def types(graph: Graph) -> list[str]:
    return [n.type for n in graph.topological_order() if n.type not in ("Constant", "Parameter", "Result")]


def constants(node: Node) -> list[Any]:
    return [None if t.constant is None else t.constant.tolist() for t in node.inputs[1:]]


def only(graph: Graph, type: str) -> Node:
    (node,) = graph.of_type(type)
    return node


def store_as_halves(graph: Graph) -> None:
    """Every float32 constant becomes Constant(f16) -> Convert, as OpenVINO saves models by default."""
    for node in graph.of_type("Constant"):
        value = node.output.constant
        assert value is not None
        if value.dtype == F32:
            half = graph.constant(value.astype(F16), graph.unique_name(f"{node.name}/f16"))
            graph.redirect(node.output, graph.add(Convert(destination_type=F32), [half]).output)


@pytest.mark.parametrize("name", NETWORKS)
def test_constants_in_f16_change_nothing(name: str) -> None:
    """Biases and scales stored so kept residual Adds from being fused, and their models from the integers of
    OpenVINO.
    """
    halves = network(name, "unsigned")
    for node in halves.of_type("Constant"):
        if node.output.constant is not None and node.output.dtype == F32:
            halves.replace_op(node, Constant(value=node.output.constant.astype(F16).astype(F32)))
    expected = lower(halves)
    store_as_halves(halves)
    found = lower(halves)
    assert types(found) == types(expected)
    for result, same in zip(
        Interpreter(found).run(samples(name)).values(),
        Interpreter(expected).run(samples(name)).values(),
        strict=True,
    ):
        np.testing.assert_array_equal(result, same)


# ---- activations -------------------------------------------------------------------------------------------


def quantized_input(low: Any, high: Any, levels: int = 256, **options: Any) -> tuple[Network, Tensor]:
    net = Network(int8=True)
    return net, net.quantize(net.input(-1, 4, 5, 5, **options), low, high, levels)


def test_fake_quantize_becomes_quantize_and_dequantize() -> None:
    net, x = quantized_input(LOW, HIGH)
    lowered = lower(net.result(x))
    assert types(lowered) == ["Quantize", "Dequantize"]
    multiplier, shift = quantization_multiplier(np.float32(LOW), np.float32(HIGH), 256)
    assert constants(only(lowered, "Quantize")) == [float(multiplier), float(shift)]
    assert constants(only(lowered, "Dequantize")) == [float(np.float32(HIGH - LOW) / np.float32(255)), 128]
    assert only(lowered, "Quantize").output.dtype == U8


def test_the_graph_given_is_not_changed() -> None:
    net, x = quantized_input(LOW, HIGH)
    graph = net.result(net.conv(x, 3))
    before = types(graph)
    lower(graph)
    assert types(graph) == before


def test_ranges_per_channel_are_lowered_for_depthwise_convolutions() -> None:
    net, x = quantized_input(np.zeros(4), np.array([1, 2, 3, 4]))
    lowered = lower(net.result(net.depthwise(x)))
    layer = only(lowered, "ConvolutionInteger")
    assert layer.inputs[2].shape == (1, 4, 1, 1)
    scale = lowered.of_type("Multiply")[0].inputs[1].constant
    assert scale is not None and scale.shape == (4, 1, 1)


def test_ranges_per_channel_cannot_feed_another_layer() -> None:
    net, x = quantized_input(np.zeros(4), np.array([1, 2, 3, 4]))
    assert integer_layers(net.result(net.conv(x, 3, name="layer"))) == {"layer": False}


@pytest.mark.parametrize("levels", [16, 255])
def test_other_numbers_of_levels_stay_simulated(levels: int) -> None:
    net, x = quantized_input(LOW, HIGH, levels)
    graph = net.result(net.conv(x, 3, name="layer"))
    assert "FakeQuantize" in types(lower(graph)) and integer_layers(graph) == {"layer": False}


def test_different_input_and_output_ranges_stay_simulated() -> None:
    net = Network(int8=True)
    ends = [np.float32(v) for v in (LOW, HIGH, 2 * LOW, 2 * HIGH)]
    x = net.do("FakeQuantize", net.input(-1, 4, 5, 5), *ends, levels=256)
    assert "Quantize" not in types(lower(net.result(net.conv(x, 3))))


def test_real_zero_between_two_codes_is_rounded_only_where_a_layer_reads_it() -> None:
    """The rounding moves every value by part of a step: the price of integers, and no use without them."""
    net, x = quantized_input(-1.1, 2.3)
    assert types(lower(net.result(net.mean(x)))) == ["FakeQuantize", "ReduceMean"]
    net, x = quantized_input(-1.1, 2.3)
    lowered = lower(net.result(net.conv(net.max_pool(x), 3)))
    # of 82.5: halves go up, as in the vendor's rounding
    assert only(lowered, "ConvolutionInteger").inputs[2].constant == 83
    net, x = quantized_input(-1.1, 2.3)
    lowered = lower(net.result(net.matmul(net.do("Flatten", x, axis=1), 3)))
    # the fraction is kept: subtracted behind the product
    assert only(lowered, "MatMulInteger").inputs[2].constant == 0
    assert types(lowered)[-4:] == ["Convert", "Subtract", "Multiply", "Add"]


def behind_a_layer(low: float, high: float, *, bias: bool = True) -> list[tuple[str, list[Any]]]:
    """The operators, with their constants, between the sums of a layer and the codes of the next one."""
    net, x = quantized_input(0, 3)
    lowered = lower(net.result(net.conv(net.quantize(net.conv(x, 4, bias=bias), low, high), 4)))
    order = lowered.topological_order()
    first, second = (order.index(n) for n in lowered.of_type("ConvolutionInteger"))
    return [
        (n.type, constants(n)) for n in order[first + 1 : second] if n.type not in ("Constant", "Convert")
    ]


def test_codes_behind_a_layer_are_made_by_a_divided_scale_if_zero_is_the_first() -> None:
    """1 / (1 / m) is one unit away from m."""
    high = np.float32(2.0)
    multiplier = np.float32(255) / high
    (scale, _), (bias, _), (quantize, found) = behind_a_layer(0, 2.0)
    assert (scale, bias, quantize) == ("Multiply", "Add", "Quantize")
    assert found == [float(np.float32(1) / (np.float32(1) / multiplier)), 0] and found[0] != float(multiplier)


def test_codes_behind_a_layer_are_rounded_once_if_zero_is_another() -> None:
    """The shift is -low * 255 / (high - low), from left to right: 128 here, while -low *
    multiplier is not.
    """
    low, high = np.float32(-1.7 * 128 / 127), np.float32(1.7)
    *_, (mapped, found), (quantize, trivial) = behind_a_layer(float(low), float(high))
    shift = (-low * np.float32(255)) / (high - low)
    assert (mapped, found) == ("MultiplyAdd", [float(np.float32(255) / (high - low)), float(shift)])
    assert (quantize, trivial) == ("Quantize", [1, 0])
    assert shift != quantization_multiplier(low, high, 256)[1]


def test_without_a_bias_the_range_is_divided_by_the_scale() -> None:
    with_bias, without = behind_a_layer(0, 3.4), behind_a_layer(0, 3.4, bias=False)
    scale = np.asarray(with_bias[0][1][0], np.float32)
    ((quantize, (multiplier, shift)),) = without
    assert (quantize, shift) == ("Quantize", 0)
    np.testing.assert_array_equal(
        np.asarray(multiplier, np.float32), np.float32(255) / (np.float32(3.4) / scale)
    )


def test_codes_that_no_convolution_reads_round_as_signed_ones() -> None:
    net, x = quantized_input(0, 3)
    y = net.do("Flatten", net.quantize(net.conv(x, 4), LOW, HIGH), axis=1)
    lowered = lower(net.result(net.matmul(y, 4)))
    quantize = lowered.of_type("Quantize")[1]
    assert quantize.inputs[0].producer.type == "Round" and constants(quantize) == [1, 128]
    assert only(lowered, "MatMulInteger").inputs[2].constant == 128


# ---- operators on codes ------------------------------------------------------------------------------------

ON_CODES = {
    "max_pool": lambda net, x: net.max_pool(x),
    "reshape": lambda net, x: net.do("Reshape", x, np.array([0, 2, 10, 5]), special_zero=True),
    "flatten": lambda net, x: net.do("Flatten", x, axis=1),
    "transpose": lambda net, x: net.do("Transpose", x, np.array([0, 2, 3, 1])),
    "concat": lambda net, x: net.do("Concat", x, x, axis=1),
    "nearest": lambda net, x: net.do(
        "Interpolate",
        x,
        np.array([2, 2], np.float32),
        np.array([2, 3]),
        mode="nearest",
        shape_calculation_mode="scales",
    ),
}


@pytest.mark.parametrize("name", ON_CODES)
def test_operators_that_only_move_or_compare_work_on_codes(name: str) -> None:
    net, x = quantized_input(LOW, HIGH)
    graph = net.result(ON_CODES[name](net, x))
    lowered = lower(graph)
    assert types(lowered)[-1] == "Dequantize" and types(lowered)[0] == "Quantize"
    data = inputs(graph, 2)
    np.testing.assert_array_equal(
        Interpreter(lowered).run(data)["y"], Interpreter(graph, arithmetic="simulated").run(data)["y"]
    )


def test_branches_of_different_scales_are_concatenated_in_float() -> None:
    net = Network(int8=True)
    x = net.input(-1, 4, 5, 5)
    joined = net.do("Concat", net.quantize(x, LOW, HIGH), net.quantize(x, 0, 3), axis=1)
    assert types(lower(net.result(joined)))[-1] == "Concat"


def test_ranges_per_channel_are_not_moved_past_an_operator() -> None:
    net, x = quantized_input(np.zeros(4), np.array([1, 2, 3, 4]))
    assert types(lower(net.result(net.do("Transpose", x, np.array([0, 2, 3, 1])))))[-1] == "Transpose"


# ---- residual blocks ---------------------------------------------------------------------------------------


def block(*, swap: bool = False, projection: bool = False) -> Graph:
    """Two branches, `main` and `side`, added and quantized again."""
    net, x = quantized_input(0, 3)
    inner = net.quantize(net.relu(net.conv(x, 4)), 0, 2)
    main = net.graph.add(*_named_quantize(net, net.conv(inner, 4), "main")).output
    side = net.graph.add(*_named_quantize(net, net.conv(x, 4), "side")).output if projection else x
    total = net.do("Add", side, main) if swap else net.do("Add", main, side)
    return net.result(net.conv(net.quantize(total, 0, 4), 4))


def _named_quantize(net: Network, x: Tensor, name: str) -> tuple[Any, list[Tensor], str]:
    node = net.quantize(x, *SIGNED).producer
    inputs, op = node.inputs, node.op
    net.graph.remove(node)
    return op, inputs, name


@pytest.mark.parametrize("swap", [False, True])
def test_a_residual_sum_is_formed_in_codes_of_the_other_branch(swap: bool) -> None:
    """`main` is symmetric, with zero at code 0 of -128 .. 127; `side` counts 3 / 255 a code from 0."""
    lowered = lower(block(swap=swap))
    clip = only(lowered, "Clamp")
    total = clip.output.consumers[0].node
    skip = total.inputs[1].producer
    ratio = (np.float32(SIGNED[1] - SIGNED[0]) / np.float32(255)) / (np.float32(3) / np.float32(255))
    assert (clip.op.min, clip.op.max) == (float(-128 * ratio), float(-128 * ratio + 255 * ratio))  # type: ignore[attr-defined]
    assert clip.inputs[0].producer.type == "Multiply" and total.type == "Add"
    assert skip.type == "Dequantize" and constants(skip) == [1, 0]
    (quantize,) = (use.node for use in total.output.consumers)
    step = np.float32(3) / np.float32(255)
    multiplier = np.float32(255) / (np.float32(4) / step)
    assert quantize.type == "Quantize" and constants(quantize) == [
        float(np.float32(1) / (np.float32(1) / multiplier)),
        0,
    ]


@pytest.mark.parametrize(("swap", "absorbs"), [(False, "main"), (True, "side")])
def test_of_two_convolutions_the_one_on_input_0_absorbs_the_add(swap: bool, absorbs: str) -> None:
    lowered = lower(block(swap=swap, projection=True))
    other = {"main": "side", "side": "main"}[absorbs]
    assert [n.name for n in lowered.of_type("Clamp")] == [f"{absorbs}/clip"]
    assert f"{other}/codes" in lowered.nodes and f"{absorbs}/codes" not in lowered.nodes


def test_an_add_whose_sum_stays_float_is_not_absorbed() -> None:
    net, x = quantized_input(0, 3)
    inner = net.quantize(net.conv(x, 4), 0, 2)
    total = net.do("Add", net.quantize(net.conv(inner, 4), *SIGNED), x)
    assert not lower(net.result(total)).of_type("Clamp")


# ---- sums, products and means of codes ---------------------------------------------------------------------


def behind_codes(low: float, high: float, type: str, *inputs: Any, **attributes: Any) -> Graph:
    net, x = quantized_input(low, high)
    return lower(net.result(net.do(type, x, *inputs, **attributes)))


def test_a_mean_is_taken_of_the_codes() -> None:
    lowered = behind_codes(0, 3, "ReduceMean", np.array([2, 3]))
    assert types(lowered) == ["Quantize", "Dequantize", "ReduceMean", "Multiply"]
    assert constants(only(lowered, "Dequantize")) == [1, 0]
    assert constants(only(lowered, "Multiply")) == [float(np.float32(3) / np.float32(255))]


def test_a_mean_of_signed_codes_has_no_zero_point() -> None:
    lowered = behind_codes(LOW, HIGH, "ReduceMean", np.array([2, 3]))
    assert types(lowered) == ["Multiply", "Round", "Quantize", "Dequantize", "ReduceMean", "Multiply"]
    assert constants(only(lowered, "Dequantize")) == [1, 128]


def test_the_mean_of_a_window_is_its_sum_times_the_inverse() -> None:
    window: dict[str, Any] = {"kernel": (3, 3), "strides": (2, 2), "pads_begin": (0, 0), "pads_end": (0, 0)}
    lowered = behind_codes(0, 3, "AvgPool", **window, exclude_pad=False)
    assert types(lowered) == ["Quantize", "Dequantize", "SumPool", "Multiply", "Multiply"]
    assert constants(lowered.of_type("Multiply")[0]) == [float(np.float32(1) / np.float32(9))]


def test_the_scale_behind_a_mean_moves_into_the_range_of_the_next_codes() -> None:
    net, x = quantized_input(0, 3)
    y = net.quantize(net.do("ReduceMean", x, np.array([2, 3])), 0, 2)
    lowered = lower(net.result(net.matmul(y, 4)))
    assert types(lowered)[:5] == ["Quantize", "Dequantize", "ReduceMean", "Quantize", "MatMulInteger"]
    scale = np.float32(3) / np.float32(255)
    assert constants(lowered.of_type("Quantize")[1]) == [float(np.float32(255) / (np.float32(2) / scale)), 0]


def test_a_sum_is_formed_in_codes_of_the_branch_that_others_read() -> None:
    net, x = quantized_input(0, 3)
    other = net.quantize(net.input(-1, 4, 5, 5, name="z"), 0, 2)
    net.result(net.conv(x, 4), "layer")
    lowered = lower(net.result(net.do("Add", x, other)))
    total = next(n for n in lowered.of_type("Add") if n.name.endswith("/total"))
    mapped, codes = (t.producer for t in total.inputs)
    ratio = (np.float32(2) / np.float32(255)) / (np.float32(3) / np.float32(255))
    assert (
        codes.type == "Dequantize"
        and constants(codes) == [1, 0]
        and codes.inputs[0].producer.inputs[0].producer.name == "x"
    )
    assert mapped.type == "Multiply" and constants(mapped) == [
        float((np.float32(255) * ratio) / np.float32(255))
    ]
    assert constants(total.output.consumers[0].node) == [float(np.float32(3) / np.float32(255))]


def transposed(low: float, high: float, arithmetic: Any) -> Graph:
    net, x = quantized_input(low, high)
    codes = np.array([[[[127]], [[-3]]]] * 4, np.int8)
    weights = net.do(
        "Multiply", net.do("Convert", codes, destination_type=F32), np.ones((1, 2, 1, 1), np.float32)
    )
    window: dict[str, Any] = {
        "strides": (1, 1),
        "dilations": (1, 1),
        "pads_begin": (0, 0),
        "pads_end": (0, 0),
        "output_padding": (0, 0),
    }
    return lower(net.result(net.do("ConvolutionBackpropData", x, weights, **window)), arithmetic)


@pytest.mark.parametrize(("low", "high"), [(0, 3), (LOW, HIGH)])
@pytest.mark.parametrize("arithmetic", ["exact", "saturating"])
def test_transposed_convolutions_keep_their_weights(low: float, high: float, arithmetic: Any) -> None:
    lowered = transposed(low, high, arithmetic)
    weights = only(lowered, "ConvolutionBackpropDataInteger").inputs[1].constant
    assert weights is not None and weights[0].ravel().tolist() == [127, -3]
    (scale,) = (
        n.inputs[1].constant for n in lowered.of_type("Multiply") if n.inputs[0].producer.type == "Convert"
    )
    np.testing.assert_array_equal(scale, np.full((2, 1, 1), np.float32(high - low) / np.float32(255)))


@pytest.mark.parametrize(
    ("channels", "size", "kernel", "strides", "runs_on_integers"),
    [
        (4, 5, 2, (2, 2), ["exact", "saturating", "saturating-avx512"]),
        (4, 5, 2, (3, 2), []),  # a stride beyond the kernel
        (4, 5, 4, (4, 3), ["exact", "saturating", "saturating-avx512"]),
        (4, 5, 4, (3, 4), []),  # beyond 3 along the last axis
        (64, 64, 2, (2, 2), ["exact", "saturating", "saturating-avx512"]),
        # AVX2 is faster in float: 64**2 * 130**2 > 2**26
        (64, 65, 2, (2, 2), ["exact", "saturating-avx512"]),
    ],
)
def test_transposed_convolutions_that_have_no_integer_kernel(
    channels: int, size: int, kernel: int, strides: tuple[int, int], runs_on_integers: list[str]
) -> None:
    net = Network(int8=True)
    x = net.quantize(net.input(1, channels, size, size), 0, 1)
    codes = np.ones((channels, 2, kernel, kernel), np.int8)
    weights = net.do(
        "Multiply", net.do("Convert", codes, destination_type=F32), np.ones((1, 2, 1, 1), np.float32)
    )
    window: dict[str, Any] = {
        "dilations": (1, 1),
        "pads_begin": (0, 0),
        "pads_end": (0, 0),
        "output_padding": (0, 0),
    }
    graph = net.result(net.do("ConvolutionBackpropData", x, weights, strides=strides, **window))
    for arithmetic in get_args(IntegerArithmetic):
        integer = lower(graph, arithmetic).of_type("ConvolutionBackpropDataInteger")  # type: ignore[arg-type]
        assert bool(integer) == (arithmetic in runs_on_integers)


def test_transposed_convolutions_halve_weights_for_signed_codes_on_avx512() -> None:
    """The sums are of 64 and -2 (rint of 63.5 and -1.5), and count twice."""
    for (low, high), codes, factor in (((LOW, HIGH), [64, -2], 2), ((0, 3), [127, -3], 1)):
        lowered = transposed(low, high, "saturating-avx512")
        weights = only(lowered, "ConvolutionBackpropDataInteger").inputs[1].constant
        assert weights is not None and weights[0].ravel().tolist() == codes
        (scale,) = (
            n.inputs[1].constant
            for n in lowered.of_type("Multiply")
            if n.inputs[0].producer.type == "Convert"
        )
        step = np.float32(high - low) / np.float32(255)
        np.testing.assert_array_equal(scale, np.full((2, 1, 1), step * np.float32(factor)))


def test_transposed_convolutions_of_codes_with_a_zero_point_stay_float() -> None:
    assert transposed(-1, 2, "exact").of_type("ConvolutionBackpropData")


# ---- layers ------------------------------------------------------------------------------------------------


def test_a_layer_becomes_its_integer_twin_and_one_scale() -> None:
    net, x = quantized_input(LOW, HIGH)
    graph = net.result(net.conv(x, 6, 3, pad=1, name="layer"))
    weights = integer_weights(graph.nodes["layer"].inputs[1])
    assert weights is not None
    lowered = lower(graph, "saturating")
    assert types(lowered) == ["Quantize", "ConvolutionInteger", "Convert", "Multiply", "Add"]
    layer = lowered.nodes["layer/integer"]
    np.testing.assert_array_equal(layer.inputs[1].constant, weights.codes)
    assert layer.op.arithmetic == "saturating" and layer.op.pads_begin == (1, 1)  # type: ignore[attr-defined]
    step = np.float32(HIGH - LOW) / np.float32(255)
    np.testing.assert_array_equal(lowered.nodes["layer/scale"].op.value.ravel(), step * weights.scale)  # type: ignore[attr-defined]


def test_an_integer_graph_can_change_its_arithmetic() -> None:
    net, x = quantized_input(LOW, HIGH)
    exact = lower(net.result(net.conv(x, 6)))
    saturating = for_arithmetic(exact, "saturating")
    assert only(saturating, "ConvolutionInteger").op.arithmetic == "saturating"  # type: ignore[attr-defined]
    assert only(exact, "ConvolutionInteger").op.arithmetic == "exact"  # type: ignore[attr-defined]


def float_layer(change: str) -> Graph:
    """A layer that no integers can compute."""
    net = Network(int8=True)
    x = net.input(-1, 4) if change == "weights by column" else net.input(-1, 4, 5, 5)
    if change != "float input":
        x = net.quantize(x, LOW, HIGH)
    if change == "weights by column":
        weights = net.do(
            "Multiply",
            net.do("Convert", np.ones((4, 3), np.int8), destination_type=F32),
            np.ones((1, 3), np.float32),
        )
        return net.result(net.do("MatMul", x, weights, name="layer"))
    y = net.conv(x, 3, name="layer", bias=False)
    layer = y.producer
    codes = layer.inputs[1].producer.inputs[0]
    if change == "weights with a zero point":
        shifted = net.do("Subtract", codes, np.full((3, 1, 1, 1), 2, np.float32))
        net.graph.set_input(layer, 1, net.do("Multiply", shifted, np.ones((3, 1, 1, 1), np.float32)))
    if change == "float weights":
        net.graph.set_input(layer, 1, net.graph.constant(np.ones((3, 4, 1, 1), np.float32)))
    if change == "a scale for each input channel":
        net.graph.set_input(layer, 1, net.do("Multiply", codes, np.ones((1, 4, 1, 1), np.float32)))
    return net.result(y)


@pytest.mark.parametrize(
    "change",
    [
        "float input",
        "float weights",
        "weights with a zero point",
        "a scale for each input channel",
        "weights by column",
    ],
)
def test_layers_that_integers_cannot_express_stay_float(change: str) -> None:
    graph = float_layer(change)
    assert not lower(graph).of_type(*INTEGER_LAYERS)
    assert integer_layers(graph) == {"layer": False}


def test_a_float_model_is_left_alone() -> None:
    net = Network()
    graph = net.result(net.conv(net.input(-1, 4, 5, 5), 3))
    assert for_arithmetic(graph, "exact") is graph
    assert types(lower(graph)) == types(graph)


# ---- the same function -------------------------------------------------------------------------------------


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(networks(int8=True))
def test_integers_compute_what_was_simulated(graph: Graph) -> None:
    """Each layer by itself, on the simulated input: within rounding of the float result, and within one code
    where codes are stored.
    """
    data = inputs(graph, 2)
    simulated: dict[str, np.ndarray] = {}
    Interpreter(graph, arithmetic="simulated").run(
        data, observer=lambda t, value: simulated.update({t.name: value})
    )
    for layer in graph.of_type("Convolution", "MatMul"):
        source = layer.inputs[0].producer
        if source.type != "FakeQuantize" or not _zero_is_a_code(source):
            continue
        x, y = simulated[source.inputs[0].name], simulated[layer.name]
        alone = _cut(graph, source, layer, x.shape)
        assert integer_layers(alone) == {layer.name: True}
        found = Interpreter(alone).run(x)["y"]
        np.testing.assert_allclose(
            found, y, rtol=0, atol=_one_tie(layer, source) + 1e-5 * float(np.abs(y).max())
        )


def _zero_is_a_code(fake_quantize: Node) -> bool:
    low, high = (t.constant for t in fake_quantize.inputs[1:3])
    assert low is not None and high is not None
    shift = quantization_multiplier(low, high, 256)[1]
    return bool(np.abs(shift - np.rint(shift)).max() < 1e-3)


def _one_tie(layer: Node, source: Node) -> float:
    """What one input code more or less changes in an output."""
    low, high, weights = (
        source.inputs[1].constant,
        source.inputs[2].constant,
        integer_weights(layer.inputs[1]),
    )
    assert low is not None and high is not None and weights is not None
    return float((high - low).max() / 255 * (127 * weights.scale).max())


def _cut(graph: Graph, first: Node, last: Node, shape: tuple[int, ...]) -> Graph:
    """A graph of the nodes from `first` to `last`; an input x takes the place of what `first` reads."""
    alone = graph.copy()
    net = Network()
    net.graph = alone
    alone.set_input(alone.nodes[first.name], 0, net.input(*shape, name="cut"))
    for result in alone.outputs:
        alone.remove(result)
    net.result(alone.nodes[last.name].output)
    alone.prune()
    for parameter in alone.inputs:
        if not parameter.output.consumers:
            alone.remove(parameter)
    return alone


# ---- what leads nowhere ------------------------------------------------------------------------------------


@pytest.mark.parametrize("operator", ["Add", "Multiply"])
@pytest.mark.parametrize("requantized", [False, True])
def test_what_nobody_reads_is_not_lowered(operator: str, requantized: bool) -> None:
    """Sums of two branches of codes, which no Result needs: the graph is that of the model without them."""

    def model(*, dead: bool) -> Graph:
        net = Network(int8=True)
        x = net.input(-1, 8)
        a = net.quantize(net.matmul(net.quantize(x, -1, 127 / 128), 8), -4, 4 * 127 / 128)
        b = net.quantize(net.matmul(net.quantize(x, -2, 2 * 127 / 128), 8), -1, 127 / 128)
        if dead:
            total = net.do(operator, a, b)
            net.quantize(net.relu(total), 0, 6) if requantized else None
        return net.result(net.relu(a))

    types = [[n.type for n in lower(model(dead=dead)).topological_order()] for dead in (False, True)]
    assert types[0] == types[1]
