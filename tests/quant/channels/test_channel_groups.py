"""Which channels are tied, network by network."""

import numpy as np
import pytest

from numpot.ir.graph import Graph, Tensor
from numpot.quant.channels.channel_groups import ChannelGroups, DisjointSets
from numpot.quant.layers.weighted_layers import prepare

from ...networks import Network


def groups(net: Network, y: Tensor) -> ChannelGroups:
    net.do("Result", y, name="end")
    return ChannelGroups.of(net.graph)


def free(found: ChannelGroups, tensor: Tensor) -> bool:
    return found.fixed.isdisjoint(map(int, found.labels[tensor]))


def start() -> tuple[Network, Tensor]:
    net = Network()
    return net, net.conv(net.input(-1, 3, 8, 8), 4, name="first")


@pytest.mark.parametrize(
    "through",
    [
        lambda net, x: net.relu(x),
        lambda net, x: net.do("LeakyReLU", x, alpha=0.1),
        lambda net, x: net.do("PReLU", x, np.full(4, 0.2, np.float32)),
        lambda net, x: net.max_pool(x),
        lambda net, x: net.do("ReduceMean", x, np.array([2, 3]), keep_dims=True),
        lambda net, x: net.do("Multiply", x, np.arange(1, 5, dtype=np.float32).reshape(1, 4, 1, 1)),
        lambda net, x: net.do("Add", x, np.float32(2)),
        lambda net, x: net.do("Negative", x),
    ],
)
def test_these_hand_a_scale_on(through):
    net, x = start()
    y = through(net, x)
    found = groups(net, net.conv(y, 2))
    np.testing.assert_array_equal(found.labels[y], found.labels[x])
    assert free(found, x)


@pytest.mark.parametrize(
    "through",
    [
        lambda net, x: net.do("Sigmoid", x),
        lambda net, x: net.relu6(x),
        lambda net, x: net.do("ReduceMean", x, np.array([1]), keep_dims=True),
        lambda net, x: net.do("Transpose", x, np.array([0, 2, 1, 3])),
        lambda net, x: net.do("Multiply", x, x),
        # a different term for each pixel is still a term
        lambda net, x: net.do("Add", x, np.ones((1, 4, 8, 8), np.float32)),
    ],
)
def test_and_these_do_not(through):
    net, x = start()
    y = through(net, x)
    found = groups(net, net.conv(y, 2, name="second"))
    expected = net.graph.nodes.get("second").inputs[0].producer.type == "Add"
    assert free(found, x) == expected


def test_inputs_and_outputs_of_the_model_are_fixed():
    net, x = start()
    found = groups(net, x)
    assert not free(found, x) and not free(found, net.graph.nodes["x"].output)


def test_a_depthwise_layer_has_a_scale_on_either_side():
    net, x = start()
    y = net.depthwise(x)
    found = groups(net, net.conv(y, 2))
    assert not set(found.labels[x]) & set(found.labels[y]) and free(found, x) and free(found, y)


def test_an_add_ties_its_branches_and_all_that_hangs_on_them():
    net, x = start()
    y = net.conv(net.relu(net.conv(x, 6)), 4)
    z = net.do("Add", x, y)
    found = groups(net, net.conv(net.relu(z), 2))
    for tensor in (y, z):
        np.testing.assert_array_equal(found.labels[tensor], found.labels[x])


def test_an_add_that_broadcasts_channels_ties_nothing():
    net, x = start()
    found = groups(net, net.conv(net.do("Add", x, net.conv(x, 1)), 2))
    assert not free(found, x)


def test_a_concat_and_a_split_keep_channels_apart():
    net, x = start()
    parts = net.do("Split", x, np.array(1), num_splits=2).producer.outputs
    y = net.do("Concat", parts[1], parts[0], axis=1)
    found = groups(net, net.conv(y, 2))
    np.testing.assert_array_equal(found.labels[y], found.labels[x][[2, 3, 0, 1]])


def test_one_fixed_part_of_a_concat_fixes_no_other():
    net, x = start()
    y = net.do("Concat", net.do("Sigmoid", x), net.conv(x, 2, name="b"), axis=1)
    found = groups(net, net.conv(y, 2))
    fixed = [int(label) in found.fixed for label in found.labels[y]]
    assert fixed == [True] * 4 + [False] * 2


def test_flattened_channels_become_runs():
    net, x = start()
    y = net.do("Flatten", net.max_pool(x))
    found = groups(net, net.matmul(y, 5))
    np.testing.assert_array_equal(found.labels[y], np.repeat(found.labels[x], 16))
    assert free(found, y)


def test_a_reshape_that_mixes_channels_fixes_them():
    net, x = start()
    found = groups(net, net.conv(net.do("Reshape", x, np.array([-1, 2, 16, 8]), special_zero=False), 2))
    assert not free(found, x)


def test_a_term_of_another_shape_is_found_where_it_is_added():
    net, x = start()
    net.do("Result", net.conv(x, 2), name="y")
    graph: Graph = net.graph
    prepare(graph)
    adds = [node for node, _ in ChannelGroups.of(graph).terms]
    assert [a.type for a in adds] == ["Add", "Add"]


def test_sets_that_grow_together():
    sets = DisjointSets()
    sets.add(6)
    for a, b in ((0, 1), (2, 3), (1, 3)):
        sets.unite(a, b)
    roots = sets.roots()
    assert len(set(roots[:4])) == 1 and len(set(roots)) == 3
