"""Parts of graphs: what is cut out computes what the whole computed there."""

import numpy as np

from numpot.ir.executor.executor import Executor
from numpot.ir.graph import Graph
from numpot.ir.interpreter import Interpreter
from numpot.quant.layers.subgraph import ancestors, cut, with_batch

from ...networks import Network
from ..data.array_data import normal

X = normal(2, 3, 8, 8)


def branched() -> Graph:
    net = Network()
    x = net.relu(net.conv(net.input(-1, 3, 8, 8), 4, 3, pad=1, name="a"))
    left, right = net.conv(x, 4, name="left"), net.do("Sigmoid", x, name="right")
    return net.result(net.matmul(net.mean(net.do("Add", left, right, name="join")), 5, name="head"))


def test_two_parts_are_the_whole():
    graph = branched()
    seen: dict[str, np.ndarray] = {}
    whole = Interpreter(graph).run(X, observer=lambda t, value: seen.update({t.name: value}))["y"]
    middle = [graph.nodes["left"].outputs[0], graph.nodes["right"].outputs[0]]
    first = cut(graph, [graph.inputs[0].output], middle)
    outputs = list(Interpreter(first).run(X).values())
    for tensor, value in zip(middle, outputs, strict=True):
        np.testing.assert_array_equal(value, seen[tensor.name])
    second = cut(graph, middle, [graph.outputs[0].inputs[0]])
    assert [p.name for p in second.inputs] == ["left", "right"] and "a" not in second.nodes
    (found,) = Interpreter(second).run(dict(zip(("left", "right"), outputs, strict=True))).values()
    np.testing.assert_array_equal(found, whole)


def test_an_input_may_be_an_output():
    graph = branched()
    x = graph.nodes["a"].outputs[0]
    part = cut(graph, [x], [x])
    value = normal(2, 4, 8, 8)
    np.testing.assert_array_equal(next(iter(Executor(part).run(value).values())), value)


def test_ancestors_end_where_they_are_told():
    graph = branched()
    above = ancestors([graph.nodes["join"]], stop=[graph.nodes["left"]])
    assert {n.name for n in above if n.type != "Constant"} >= {"join", "right", "a", "x"} and graph.nodes[
        "left"
    ] not in above


def test_a_fixed_batch_is_known_everywhere():
    graph = branched()
    fixed = with_batch(graph, 1)
    assert all(t.shape[0] == 1 for n in fixed if n.type not in ("Constant", "Result") for t in n.outputs)
    assert graph.inputs[0].output.shape[0] == -1
    np.testing.assert_array_equal(Interpreter(fixed).run(X[:1])["y"], Interpreter(graph).run(X[:1])["y"])
