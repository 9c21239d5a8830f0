"""A fixed batch of 1 is opened where samples stay apart, and nowhere else."""

import numpy as np
import pytest

from numpot.ir.executor.executor import Executor
from numpot.ir.graph import Graph
from numpot.quant.layers.free_batch import with_free_batch
from numpot.quant.statistics.collection import in_flight

from ...networks import Network
from ..data.array_data import normal
from ..material import MATERIAL, NAMES, needs_material


def one_image(tail=lambda net, x: x) -> Graph:
    net = Network()
    x = net.relu6(net.conv(net.input(1, 3, 8, 8), 4, 3, stride=2, pad=1))
    return net.result(tail(net, net.matmul(net.mean(x), 6)))


def test_what_runs_one_sample_at_a_time_can_run_several():
    graph, x = one_image(), normal(5, 3, 8, 8)
    free = with_free_batch(graph)
    assert (
        graph.inputs[0].output.shape[0] == 1
        and free.inputs[0].output.shape[0] == -1
        and list(free.nodes) == list(graph.nodes)
    )
    alone, together = Executor(graph), Executor(free).run(x)["y"]
    np.testing.assert_array_equal(np.concatenate([alone.run(x[i : i + 1])["y"] for i in range(5)]), together)


def test_a_quantized_model_too():
    net = Network(int8=True)
    x = net.relu6(net.conv(net.quantize(net.input(1, 3, 8, 8), -2.0, [2.0, 3.0, 1.0]), 4, 3))
    assert (
        with_free_batch(net.result(net.matmul(net.mean(net.quantize(x, 0.0, 6.0)), 6)))
        .inputs[0]
        .output.shape[0]
        == -1
    )


@pytest.mark.parametrize(
    "tail",
    [
        lambda net, x: net.do("SoftMax", x, axis=0),
        lambda net, x: net.do("SoftMax", x, axis=-2),
        lambda net, x: net.do("ReduceMean", x, np.array([0]), keep_dims=True),
        lambda net, x: net.do("Transpose", x, np.array([1, 0])),
        lambda net, x: net.do("Reshape", x, np.array([2, 3])),
        lambda net, x: net.do("Reshape", x, np.array([1, 6])),
    ],
    ids=["softmax", "softmax from the end", "mean", "transpose", "reshape", "a reshape that says 1"],
)
def test_a_model_that_would_mix_samples_or_says_1_stays_as_it_is(tail):
    graph = one_image(tail)
    assert with_free_batch(graph) is graph


def test_other_batches_are_the_models_own():
    net = Network()
    graph = net.result(net.conv(net.input(2, 3, 8, 8), 4))
    assert with_free_batch(graph) is graph


@needs_material
@pytest.mark.parametrize("name", NAMES)
def test_files_of_real_models_can_be_opened(name):
    from numpot.ir import read_model

    assert with_free_batch(read_model(MATERIAL / name / f"{name}.xml")).inputs[0].output.shape[0] == -1


def test_large_samples_are_fewer_at_once():
    small, large = (Network().input(-1, 3, side, side) for side in (8, 2048))
    assert in_flight(8, [small]) == 8 and in_flight(8, [large]) == 2 and in_flight(8, [large] * 9) == 1
