"""The verbs that edit a graph keep its edges in agreement, and what they refuse they name."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import numpy as np
import pytest

from numpot.ir.dtypes import F32, I64
from numpot.ir.errors import GraphError
from numpot.ir.graph import Graph, Use
from numpot.ir.ops.add import Add
from numpot.ir.ops.clamp import Clamp
from numpot.ir.ops.parameter import Parameter
from numpot.ir.ops.relu import ReLU
from numpot.ir.ops.result import Result
from numpot.ir.ops.split import Split
from numpot.ir.ops.unsqueeze import Unsqueeze

from .sample_models import assert_same_graph, residual_block


def chain(length: int) -> Graph:
    graph = Graph("chain")
    tensor = graph.add(Parameter(element_type=F32, shape=(-1, 3)), name="x").output
    for i in range(length):
        tensor = graph.add(ReLU(), [tensor], name=f"relu{i}").output
    graph.add(Result(), [tensor], name="y")
    return graph


def assert_edges_agree(graph: Graph) -> None:
    """Each port that reads a tensor is among its consumers, once, and nothing else is."""
    reads = [(tensor, Use(node, port)) for node in graph for port, tensor in enumerate(node.inputs)]
    listed = [(tensor, use) for node in graph for tensor in node.outputs for use in tensor.consumers]
    assert sorted(map(repr, reads)) == sorted(map(repr, listed)) and set(reads) == set(listed)
    assert all(tensor.producer is node for node in graph for tensor in node.outputs)
    assert all(graph.nodes[tensor.producer.name] is tensor.producer for tensor, _ in reads)


def refusal(call, *args, **options) -> str:
    with pytest.raises(GraphError) as error:
        call(*args, **options)
    return str(error.value)


# ---- edit verbs --------------------------------------------------------------------------------------------


def test_add_joins_both_ends_of_an_edge():
    graph = chain(1)
    x, relu, y = graph
    assert x.output.consumers == [Use(relu, 0)] and relu.inputs == [x.output] and y.inputs[0].producer is relu
    assert (graph.inputs, graph.outputs, len(graph)) == ([x], [y], 3)
    twice = graph.add(Add(), [relu.output, relu.output])
    assert relu.output.consumers == [Use(y, 0), Use(twice, 0), Use(twice, 1)]
    assert_edges_agree(graph)


def test_names_are_made_unique_and_taken_ones_refused():
    graph = chain(2)
    assert [graph.add(ReLU(), [graph.nodes["x"].output]).name for _ in range(3)] == [
        "ReLU",
        "ReLU_1",
        "ReLU_2",
    ]
    assert (graph.unique_name("relu0"), graph.unique_name("relu")) == ("relu0_1", "relu")
    assert (
        refusal(graph.add, ReLU(), [graph.nodes["x"].output], name="relu1")
        == "layer name 'relu1' is used twice"
    )
    assert refusal(graph.rename, graph.nodes["relu0"], "relu1") == "layer name 'relu1' is used twice"


def test_a_node_that_does_not_fit_leaves_no_trace():
    graph = chain(1)
    wide = graph.constant(np.zeros((1, 5), np.float32), "wide")
    message = refusal(graph.add, Add(), [graph.nodes["relu0"].output, wide], name="sum")
    assert message == "layer 'sum' (Add): shapes [-1, 3] and [1, 5] do not broadcast"
    assert "sum" not in graph.nodes and wide.consumers == []
    assert_edges_agree(graph)


def test_set_input_moves_one_edge():
    graph = residual_block()
    graph.set_input(graph.nodes["add"], 0, graph.nodes["relu"].output)
    assert graph.nodes["clamp"].output.consumers == []
    assert Use(graph.nodes["add"], 0) in graph.nodes["relu"].output.consumers
    assert_edges_agree(graph)


def test_redirect_moves_every_reader_but_some():
    graph = residual_block()
    x = graph.nodes["x"].output
    before = list(x.consumers)
    relu = graph.add(ReLU(), [x], name="first")
    graph.redirect(x, relu.output, but=[relu])
    assert x.consumers == [Use(relu, 0)] and relu.output.consumers == before
    assert_edges_agree(graph)


def test_remove_refuses_a_node_that_is_read():
    graph = chain(2)
    assert refusal(graph.remove, graph.nodes["relu0"]) == "layer 'relu0' cannot be removed: 'relu1' reads it"
    graph.remove(graph.nodes["y"])
    graph.remove(graph.nodes["relu1"])
    assert list(graph.nodes) == ["x", "relu0"] and graph.nodes["relu0"].output.consumers == []


def test_rename_keeps_the_place_in_the_order():
    graph = chain(3)
    node = graph.nodes["relu1"]
    graph.rename(node, "middle")
    assert (
        list(graph.nodes) == ["x", "relu0", "middle", "relu2", "y"]
        and graph.nodes["middle"] is node
        and node.name == "middle"
    )
    graph.rename(node, "middle")
    assert graph.nodes["middle"] is node


def test_replace_op_infers_the_outputs_again():
    graph = chain(1)
    split = graph.add(
        Split(num_splits=3), [graph.nodes["relu0"].output, graph.constant(np.array(1))], name="split"
    )
    assert [t.name for t in split.outputs] == ["split:0", "split:1", "split:2"]
    graph.replace_op(graph.nodes["relu0"], Clamp(min=0, max=6))
    assert graph.nodes["relu0"].type == "Clamp" and graph.nodes["relu0"].output.shape == (-1, 3)


def test_infer_follows_an_edit_that_changed_shapes():
    graph = chain(3)
    wide = graph.add(Unsqueeze(), [graph.nodes["x"].output, graph.constant(np.array([2]))])
    graph.set_input(graph.nodes["relu0"], 0, wide.output)
    assert graph.nodes["relu2"].output.shape == (-1, 3)
    graph.infer()
    assert graph.nodes["relu2"].output.shape == (-1, 3, 1)


def test_prune_removes_what_no_result_needs_and_keeps_inputs():
    graph = chain(2)
    dead = graph.add(
        Add(), [graph.nodes["relu0"].output, graph.constant(np.ones((1, 3), np.float32), "one")], name="dead"
    )
    graph.add(ReLU(), [dead.output], name="deader")
    graph.add(Parameter(element_type=F32, shape=(2,)), name="unused")
    assert set(graph.prune()) == {"dead", "deader", "one"}
    assert list(graph.nodes) == ["x", "relu0", "relu1", "y", "unused"]
    assert_edges_agree(graph)


def test_a_copy_shares_arrays_and_nothing_else():
    graph = residual_block()
    twin = graph.copy()
    assert_same_graph(twin, graph)
    assert_edges_agree(twin)
    assert not {id(n) for n in twin} & {id(n) for n in graph}
    twin.remove(twin.nodes["y"])
    twin.rename(twin.nodes["relu"], "other")
    twin.info["preset"] = "changed"
    assert_same_graph(graph, residual_block())


# ---- order -------------------------------------------------------------------------------------------------


def test_order_is_that_of_adding_where_edges_allow():
    graph = chain(2)
    late = graph.add(ReLU(), [graph.nodes["x"].output], name="late")
    graph.set_input(graph.nodes["relu0"], 0, late.output)
    assert [n.name for n in graph.topological_order()] == ["x", "late", "relu0", "relu1", "y"]


def test_a_cycle_is_named():
    graph = chain(4)
    graph.set_input(graph.nodes["relu1"], 0, graph.nodes["relu3"].output)
    assert refusal(graph.topological_order) == "the graph has a cycle: relu1 -> relu3 -> relu2 -> relu1"
    graph.set_input(graph.nodes["relu1"], 0, graph.nodes["relu1"].output)
    assert refusal(graph.infer) == "the graph has a cycle: relu1 -> relu1"


def build_order_and_prune(length: int) -> None:
    graph = chain(length)
    reversed_graph = graph.copy()
    reversed_graph.nodes = dict(reversed(reversed_graph.nodes.items()))  # the worst order to start from
    assert [n.name for n in reversed_graph.topological_order()] == list(graph.nodes)
    assert graph.prune() == []


def lines_run(function: Callable[..., object], *arguments: object) -> int:
    """How many lines of Python a call runs, those of all it calls included; each turn of a loop counts."""
    count = 0

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        function(*arguments)
    finally:
        sys.settrace(before)
    return count


def test_a_deep_graph_needs_no_recursion():
    build_order_and_prune(10 * sys.getrecursionlimit())


def test_a_graph_four_times_as_deep_needs_four_times_the_steps():
    build_order_and_prune(10)  # what is computed once a process
    short, long = (lines_run(build_order_and_prune, length) for length in (100, 400))
    assert 3 * short < long < 5 * short  # 16 times as many if each node looked at all others


# ---- messages ----------------------------------------------------------------------------------------------


def test_only_the_batch_may_be_dynamic():
    for shape in [(-1, -1), (3, -1), (-2, 3)]:
        message = refusal(Graph("g").add, Parameter(element_type=F32, shape=shape), name="x")
        assert (
            message
            == f"layer 'x' (Parameter): shape {list(shape)}: only the first dimension, the batch, may be -1"
        )


def test_inputs_that_do_not_fit_name_the_layer():
    graph = Graph("g")
    x = graph.add(Parameter(element_type=F32, shape=(-1, 3)), name="x").output
    n = graph.add(Parameter(element_type=I64, shape=(-1, 3)), name="n").output
    assert refusal(graph.add, Add(), [x], name="sum") == "layer 'sum' (Add): expected 2 inputs, found 1"
    assert (
        refusal(graph.add, Add(), [x, n], name="sum")
        == "layer 'sum' (Add): inputs must have one element type, found f32, i64"
    )
