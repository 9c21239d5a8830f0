"""Which quantizers leave together, and what a group costs, on small graphs that are worked out by hand."""

import pytest

from numpot.quant.accuracy_aware.layer_groups import find_groups, multiply_adds, with_precisions
from numpot.quant.layers.weighted_layers import prepare
from numpot.quant.parameters import Parameters

from ...networks import Network


def groups_of(net, result):
    graph = net.result(result)
    prepare(graph)
    quantizers = Parameters().quantizers(graph)
    return find_groups(quantizers), quantizers, graph


def layers(groups):
    return sorted(sorted(g.layers) for g in groups)


def test_a_chain_has_a_group_for_each_layer():
    net = Network()
    x = net.input(1, 3, 8, 8)
    groups, quantizers, _ = groups_of(
        net, net.conv(net.relu(net.conv(x, 4, 3, pad=1, name="first")), 5, name="second")
    )
    assert layers(groups) == [["first"], ["second"]]
    assert all(len(g.quantizers) == 2 for g in groups)  # input and weights
    assert frozenset().union(*(g.quantizers for g in groups)) == {q.name for q in quantizers}


def test_layers_that_read_one_tensor_leave_together():
    net = Network()
    x = net.relu(net.conv(net.input(1, 3, 8, 8), 4, name="stem"))
    groups, _, _ = groups_of(
        net,
        net.do(
            "Add", net.relu(net.conv(x, 4, name="left")), net.relu(net.conv(x, 4, name="right")), name="sum"
        ),
    )
    assert ["left", "right"] in layers(groups) and ["stem"] in layers(groups)


def test_both_inputs_of_an_addition_leave_together_and_take_their_other_readers():
    net = Network()
    x = net.relu(net.conv(net.input(1, 3, 8, 8), 4, name="stem"))
    y = net.do("Add", x, net.relu(net.conv(x, 4, name="body")), name="sum")
    groups, _, _ = groups_of(net, net.conv(y, 2, name="head"))
    assert ["body", "sum"] in layers(groups)  # they share the quantizer of the stem's output


def test_pooling_hands_codes_on_and_is_no_layer_of_its_own():
    net = Network()
    x = net.max_pool(net.relu(net.conv(net.input(1, 3, 8, 8), 4, name="stem")))
    groups, _, _ = groups_of(net, net.conv(x, 2, name="head"))
    assert layers(groups) == [["head"], ["stem"]]


@pytest.mark.parametrize("batch", [1, -1])
def test_multiply_adds(batch):
    net = Network()
    # 4*4*4 outputs of 3*3*3 products
    x = net.conv(net.input(batch, 3, 8, 8), 4, 3, stride=2, pad=1, name="conv")
    y = net.depthwise(x, name="depthwise")  # 4*4*4 outputs of 3*3 products
    graph = net.result(net.matmul(net.mean(y), 5, name="matmul"))  # 5 outputs of 4 products
    assert [multiply_adds(graph.nodes[n]) for n in ("conv", "depthwise", "matmul")] == [64 * 27, 64 * 9, 20]


def test_narrower_weights_are_candidates_where_there_are_weights():
    net = Network()
    x = net.relu(net.conv(net.input(1, 3, 8, 8), 4, name="stem"))
    groups, quantizers, _ = groups_of(
        net, net.do("Add", x, net.relu(net.conv(x, 4, name="body")), name="sum")
    )
    tried = with_precisions(groups, ("safe", "float"), quantizers)
    narrow = [g for g in tried if g.precision == "safe"]
    assert sorted(g.layers for g in narrow) == [("body",), ("stem",)] and all(
        g.cost == 0 and len(g.quantizers) == 1 for g in narrow
    )
    assert len([g for g in tried if g.precision == "float"]) == len(groups)
