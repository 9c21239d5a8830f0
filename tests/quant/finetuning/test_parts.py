"""The parts of fine-tuning by themselves: whole networks backwards, losses, Adam, and codes that stay within
their limits.
"""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numpot.ir.graph import Graph
from numpot.kernels.saturation import pairings, safe_anywhere
from numpot.quant.finetuning import losses
from numpot.quant.finetuning.adam import Adam, cosine
from numpot.quant.finetuning.forward_backward import Network as Trainable
from numpot.quant.finetuning.trained import TrainedCodes, dequantization, find_biases, find_weights
from tests.networks import Network
from tests.quant.data.array_data import normal

from .differences import central_differences

# ---- whole networks ----------------------------------------------------------------------------------------


def branching() -> Graph:
    """A tensor read three times, a depthwise layer, pools, a concatenation, a gate by Sigmoid, and a tensor
    nobody needs.
    """
    net = Network(seed=5)
    x = net.do("HSwish", net.conv(net.input(-1, 2, 6, 6), 4, 3, pad=1))
    a, b = net.do("Tanh", net.depthwise(x)), net.conv(x, 3)
    gate = net.do("Sigmoid", net.conv(net.do("ReduceMean", x, np.array([2, 3]), keep_dims=True), 4))
    joined = net.do("Concat", net.max_pool(net.do("Multiply", a, gate)), net.max_pool(b), axis=1)
    net.do("Exp", b)
    # depends on x, and changes with no weight
    channels = net.do("Gather", net.do("ShapeOf", joined), np.array([1]), np.array(0))
    rows = net.do("Concat", np.array([-1]), net.do("Multiply", channels, np.array([9])), axis=0)
    return net.result(net.matmul(net.do("Reshape", joined, rows), 3))


def test_a_network_against_differences() -> None:
    """In float64: the weights are given so, and all that is computed from them is too."""
    graph, x = branching(), {"x": normal(2, 2, 6, 6)}
    trained = [one for one, _ in (*find_weights(graph), *find_biases(graph))]
    assert len(trained) == 10
    network, output = Trainable(graph, [one.tensor for one in trained]), graph.outputs[0].inputs[0]
    values = {one.tensor: one.master.astype(np.float64) for one in trained}
    labels = np.array([2, 0])
    run = network.forward(x, values)
    _, at_output = losses.cross_entropy(run[output], labels)
    gradients = network.backward(run, {output: at_output})
    assert gradients.keys() == values.keys()
    for tensor, found in gradients.items():

        def loss(value: np.ndarray, tensor: Any = tensor) -> float:
            return losses.cross_entropy(network.forward(x, {**values, tensor: value})[output], labels)[0]

        np.testing.assert_allclose(
            found, central_differences(loss, values[tensor], 1e-6), rtol=1e-5, atol=1e-8
        )


def test_a_quantized_network_computes_what_the_interpreter_simulates() -> None:
    from numpot.ir.interpreter import Interpreter

    net = Network(seed=2, int8=True)
    x = net.relu(net.conv(net.quantize(net.input(-1, 3, 6, 6), -2.0, 2.0), 8, 3, pad=1))
    graph = net.result(net.matmul(net.mean(net.depthwise(net.quantize(x, 0.0, 3.0))), 5))
    trained = [one for one, _ in (*find_weights(graph), *find_biases(graph))]
    data = normal(4, 3, 6, 6)
    run = Trainable(graph, [one.tensor for one in trained]).forward(
        {"x": data}, {one.tensor: one.value for one in trained}
    )
    expected = Interpreter(graph, arithmetic="simulated").run(data)["y"]
    np.testing.assert_allclose(run[graph.outputs[0].inputs[0]], expected, rtol=1e-4, atol=1e-4)


# ---- losses and steps --------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(3, 5), (2, 4, 3, 2)])
def test_losses_against_differences(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    output, teacher = 3 * rng.standard_normal(shape), 3 * rng.standard_normal(shape)
    labels = rng.integers(0, shape[1], (shape[0], *shape[2:]))
    for loss, target in (
        (losses.cross_entropy, labels),
        (losses.distillation, teacher),
        (losses.mse, teacher),
    ):
        value, gradient = loss(output, target)
        expected = central_differences(lambda o, loss=loss, target=target: loss(o, target)[0], output, 1e-5)  # type: ignore[misc]
        np.testing.assert_allclose(gradient, expected, rtol=1e-6, atol=1e-9)
        assert value > 0 and abs(loss(teacher, target)[0]) < value or loss is losses.cross_entropy


def test_losses_by_hand() -> None:
    scores = np.log(np.array([[0.5, 0.25, 0.25], [0.1, 0.1, 0.8]]))
    assert np.isclose(losses.cross_entropy(scores, np.array([0, 2]))[0], -(np.log(0.5) + np.log(0.8)) / 2)
    assert np.isclose(losses.distillation(scores + 7, scores)[0], 0)  # scores have no zero of their own
    assert losses.mse(np.array([1.0, 3.0]), np.array([0.0, 1.0]))[0] == 2.5


def test_adam_takes_the_steps_of_the_paper() -> None:
    gradients = np.random.default_rng(0).standard_normal((5, 3))
    adam, m, v = Adam(), np.zeros(3), np.zeros(3)
    for t, g in enumerate(gradients, start=1):
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        np.testing.assert_allclose(
            adam.direction(g), -(m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8), rtol=1e-12
        )
    assert np.allclose(Adam().direction(np.array([3.0, -1e-3])), [-1, 1], rtol=1e-4)


def test_the_rate_falls_along_a_cosine() -> None:
    rates = [cosine(step, 10) for step in range(11)]
    assert (
        rates[0] == 1
        and np.isclose(rates[5], 0.5)
        and rates[10] == 0
        and rates == sorted(rates, reverse=True)
    )


# ---- codes -------------------------------------------------------------------------------------------------


def layer_of(codes: np.ndarray) -> TrainedCodes:
    """(O,I,kh,kw) or (O,K) int8, as a layer's weights with scale 0.5."""
    net = Network(int8=True)
    x = net.input(1, codes.shape[1], *(8,) * (codes.ndim - 2))
    w = net.do("Multiply", net.do("Convert", codes, destination_type=np.dtype(np.float32)), np.float32(0.5))
    ones = (1,) * (codes.ndim - 2)
    if codes.ndim == 2:
        layer = net.do("MatMul", x, w, transpose_b=True)
    else:
        layer = net.do(
            "Convolution",
            x,
            w,
            strides=ones,
            pads_begin=(0,) * len(ones),
            pads_end=(0,) * len(ones),
            dilations=ones,
        )
    how = dequantization(w)
    assert how is not None
    return TrainedCodes(w, how, layer.producer)


def test_masters_round_a_half_up_and_stop_at_the_edges() -> None:
    trained = layer_of(np.array([[-7, 0, 3, 7]], np.int8))
    trained.move(np.array([[0, 0.25, -0.25, 0]], np.float32))  # a code is worth 0.5
    np.testing.assert_array_equal(trained.codes, [[-7, 1, 3, 7]])  # 0.5 -> 1, 2.5 -> 3
    trained.move(np.array([[-3, 0, 0, 3]], np.float32))
    np.testing.assert_array_equal(trained.codes, [[-7, 1, 3, 7]])
    trained.move(np.array([[0.5, 0, 0, -0.5]], np.float32))  # no memory of how far it was pushed
    np.testing.assert_array_equal(trained.codes, [[-6, 1, 3, 6]])
    np.testing.assert_array_equal(trained.value, 0.5 * trained.codes)
    assert trained.stored.dtype == np.int8


@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([(3, 5), (2, 301), (2, 4, 1, 2), (4, 3, 2, 2), (3, 1, 3, 3), (3, 1, 2, 4)]),
    st.sampled_from([7, 64, 90, 127]),
)
def test_safe_channels_stay_safe_and_others_are_free(seed: int, shape: tuple[int, ...], largest: int) -> None:
    rng = np.random.default_rng(seed)
    start = rng.integers(-largest, largest + 1, shape).astype(np.int8)
    start[0] //= 2  # at least this channel is safe
    ways = pairings(shape, is_matrix=len(shape) == 2)
    safe = safe_anywhere(start, ways)
    assert safe[0]
    trained = layer_of(start)
    np.testing.assert_array_equal(trained.stored, start)
    for _ in range(3):
        trained.move(rng.uniform(-64, 64, shape).astype(np.float32))
        found = trained.stored
        assert start.min() <= found.min() and found.max() <= start.max()
        assert safe_anywhere(found, ways)[safe].all()
    free = np.clip(np.floor(trained.master + 0.5), start.min(), start.max())
    np.testing.assert_array_equal(found[~safe], free[~safe])


def test_codes_that_two_layers_make_weights_of_in_two_ways_are_left_alone() -> None:
    net = Network()
    codes = net.graph.constant(np.ones((3, 3), np.int8))
    real = net.do("Convert", codes, destination_type=np.dtype(np.float32))
    other = net.do("Convert", codes, destination_type=np.dtype(np.float32))
    x = net.input(1, 3)
    for values, scale in ((real, 0.5), (other, 0.25)):
        x = net.do("MatMul", x, net.do("Multiply", values, np.float32(scale)))
    assert find_weights(net.graph) == []
