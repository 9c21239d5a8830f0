"""CPU_SPR: which of an Add's two FakeQuantize operators goes."""

import numpy as np

from numpot.ir.graph import Graph
from numpot.quant.placement.ignored_scope import Ignored
from numpot.quant.placement.placement import find_quantizers

from ...networks import Network


def tensors(graph: Graph, device) -> set[str]:
    """Producers of quantized activations."""
    return {q.tensor.producer.name for q in find_quantizers(graph, Ignored(), device) if not q.is_weight}


def block(*, shared: bool, bias: bool = True) -> tuple[Graph, str, str]:
    """x -> conv -> + -> result, where the shortcut is read by a second layer too if `shared`. Also the names
    of the Add's producers.
    """
    net = Network()
    x = net.relu(net.conv(net.input(-1, 3, 8, 8), 4, name="stem"))
    y = net.conv(x, 4, bias=bias, name="body")
    shortcut = x if shared else net.relu(net.conv(net.input(-1, 3, 8, 8, name="other"), 4, name="other stem"))
    return net.result(net.do("Add", shortcut, y, name="join")), shortcut.producer.name, y.producer.name


def test_the_branch_with_a_bias_goes_if_the_shortcut_is_read_elsewhere():
    graph, shortcut, body = block(shared=True)
    assert {shortcut, body} <= tensors(graph, "CPU")
    assert tensors(graph, "CPU") - tensors(graph, "CPU_SPR") == {body}


def test_of_two_equal_branches_that_end_in_layers_one_goes():
    graph, shortcut, body = block(shared=False)
    dropped = tensors(graph, "CPU") - tensors(graph, "CPU_SPR")
    assert len(dropped) == 1 and dropped < {shortcut, body}


def test_the_larger_tensor_is_the_one_that_goes():
    net = Network()
    small = net.relu(
        net.conv(
            net.do("ReduceMean", net.input(-1, 3, 8, 8), np.array([2, 3]), keep_dims=True), 4, name="small"
        )
    )
    large = net.relu(net.conv(net.input(-1, 3, 8, 8, name="other"), 4, name="large"))
    graph = net.result(net.do("Add", small, large, name="join"))
    assert tensors(graph, "CPU") - tensors(graph, "CPU_SPR") == {large.producer.name}


def test_both_stay_if_one_comes_from_no_layer():
    net = Network()
    y = net.relu(net.conv(net.input(-1, 3, 8, 8), 4, name="layer"))
    z = net.do("Multiply", net.input(-1, 4, 8, 8, name="b"), net.input(-1, 4, 8, 8, name="c"))
    graph = net.result(net.do("Add", y, z, name="join"))
    assert tensors(graph, "CPU") == tensors(graph, "CPU_SPR")
