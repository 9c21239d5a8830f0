"""A run is compiled for exactly the shapes of its inputs: models whose first axis is no batch, or becomes
another, and what is kept.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from numpot.ir.dtypes import F32
from numpot.ir.errors import GraphError, PlanError
from numpot.ir.executor import compiled, plan
from numpot.ir.executor.executor import MOST_SHAPES, Executor
from numpot.ir.executor.schedule import Stretch
from numpot.ir.graph import Graph, Tensor
from numpot.ir.interpreter import Interpreter
from numpot.ir.ops.lstm_sequence import LSTMSequence
from numpot.ir.ops.sigmoid import Sigmoid
from numpot.ir.run.specialization import specialize
from numpot.kernels.program.step import Row

from ...networks import Network

Build = Callable[[Network], Tensor]


def pairs(net: Network, channels: int, pattern: list[int]) -> Tensor:
    """Two pictures that become one row."""
    y = net.max_pool(net.relu(net.conv(net.input(2, 3, 8, 8), channels, 3, pad=1)))
    return net.matmul(net.do("Reshape", y, np.array(pattern)), 3)


def sequence(net: Network) -> Tensor:
    """(4,1,6): four sequences of one step -> LSTM -> the last step of all -> one row."""
    x, size = net.input(4, 1, 6), 5
    weights = [
        net.rng.standard_normal(shape).astype(np.float32)
        for shape in ((1, 4 * size, 6), (1, 4 * size, size), (1, 4 * size))
    ]
    state, lengths = np.zeros((4, 1, size), np.float32), np.ones(4, np.int32)
    node = net.graph.add(
        LSTMSequence(hidden_size=size, direction="forward"),
        [x, *(net.graph.constant(v) for v in (state, state, lengths, *weights))],
    )
    return net.matmul(net.do("Reshape", node.outputs[1], np.array([1, -1])), 3)


def batch_last(net: Network, rows: int) -> Tensor:
    """(rows,-1): the batch is the last axis."""
    return net.do("Transpose", net.do("Reshape", net.input(-1, rows), np.array([-1, rows])), np.array([1, 0]))


ORDINARY: dict[str, Build] = {
    "two rows become one": lambda net: net.matmul(net.do("Reshape", net.input(2, 8), np.array([1, 16])), 3),
    "pairs of pictures": lambda net: pairs(net, 2, [1, 64]),
    "pairs of pictures, then pooled": lambda net: pairs(net, 8, [2, 128]),
    "a picture": lambda net: net.conv(net.do("Unsqueeze", net.input(4, 8, 8), np.array([0])), 3, 3, pad=1),
    "a sequence": sequence,
    "tokens": lambda net: net.matmul(net.do("ReduceMean", net.input(8, 8), np.array([0]), keep_dims=True), 3),
    "other rows": lambda net: net.relu(net.do("Reshape", net.input(2, 6), np.array([3, 4]))),
    "more rows, then fewer": lambda net: net.matmul(
        net.do(
            "Reshape", net.matmul(net.do("Reshape", net.input(4, 6), np.array([8, 3])), 5), np.array([2, 20])
        ),
        3,
    ),
    "relu of one row": lambda net: net.relu(net.do("Reshape", net.input(2, 16), np.array([1, 32]))),
    "slices of the batch": lambda net: net.conv(
        net.do(
            "StridedSlice",
            net.input(-1, 16, 8, 8),
            np.array([0]),
            np.array([11]),
            np.array([1]),
            begin_mask=(1,),
            end_mask=(0,),
        ),
        3,
    ),
    "the batch in the last axis, relu": lambda net: net.relu(batch_last(net, 1)),
    "the batch in the last axis, clamp": lambda net: net.relu6(batch_last(net, 3)),
    "the batch in the last axis, hard swish": lambda net: net.do("HSwish", batch_last(net, 5)),
    "the batch in the last axis, hard sigmoid": lambda net: net.do("HSigmoid", batch_last(net, 1)),
    "the batch among the channels": lambda net: net.relu(
        net.do("Reshape", net.input(-1, 3, 6, 6), np.array([1, -1, 6, 6]))
    ),
    "a gate for all images": lambda net: net.do(
        "Multiply", net.input(3, 4, 5, 6), net.input(1, 4, 1, 1, name="gate")
    ),
    "a constant that adds axes": lambda net: net.relu(
        net.do("Multiply", net.relu(net.input(-1, 4, 5)), np.full((1, 1, 1, 1), 2, np.float32))
    ),
}


def inputs(graph: Graph, batch: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(batch)
    shapes = {p.name: [batch if d == -1 else d for d in p.output.shape] for p in graph.inputs}
    return {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}


@pytest.mark.parametrize("int8", [False, True])
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", ORDINARY)
def test_the_first_axis_may_be_anything(name: str, threads: int, int8: bool) -> None:
    net = Network(int8=int8)
    graph = net.result(ORDINARY[name](net))
    interpreter, found = Interpreter(graph), Executor(graph, threads=threads)
    for batch in (1, 3, 13, 3):
        x = inputs(graph, batch)
        np.testing.assert_allclose(
            found.run(x)["y"], interpreter.run(x)["y"], rtol=1e-5, atol=1e-5, strict=True
        )


@pytest.mark.parametrize("batch", [2, 4])
def test_codes_that_become_other_rows(batch: int) -> None:
    """FakeQuantize, then Reshape [2,-1], and the int8 layers around them."""
    net = Network(int8=True)
    x = net.quantize(net.relu(net.matmul(net.quantize(net.input(-1, 16), -1.0, 127 / 128), 16)), 0, 6)
    graph = net.result(net.matmul(net.quantize(net.do("Reshape", x, np.array([-1, 8])), 0, 6), 3))
    np.testing.assert_array_equal(
        Executor(graph).run(inputs(graph, batch))["y"], Interpreter(graph).run(inputs(graph, batch))["y"]
    )
    net = Network(int8=True)
    graph = net.result(net.do("Reshape", net.quantize(net.input(-1, 16), -1.0, 127 / 128), np.array([2, -1])))
    np.testing.assert_array_equal(
        Executor(graph).run(inputs(graph, batch))["y"], Interpreter(graph).run(inputs(graph, batch))["y"]
    )


def test_a_stretch_has_images_of_one_number() -> None:
    """Steps whose first axes differ run one after the other, each over all of its own."""
    net = Network()
    graph = net.result(pairs(net, 2, [1, 64]))
    items = Executor(graph).compiled.schedule.items
    assert [item.images for item in items if isinstance(item, Stretch)] == [2, 1]


# ---- kept by shape -----------------------------------------------------------------------------------------


def relu_of_rows() -> Graph:
    net = Network()
    return net.result(net.relu(net.input(-1, 3)))


def test_a_second_run_of_the_same_shapes_infers_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []
    monkeypatch.setattr(
        compiled, "specialize", lambda graph, shapes: made.append(shapes) or specialize(graph, shapes)
    )
    runner = Executor(relu_of_rows())
    for batch in (1, 4, 1, 4, 4, 2):
        runner.run(np.ones((batch, 3), np.float32))
    assert made == [((1, 3),), ((4, 3),), ((2, 3),)]


def test_shapes_that_ran_long_ago_are_given_up() -> None:
    runner = Executor(relu_of_rows())
    for batch in range(1, 3 * MOST_SHAPES):
        runner.run(np.ones((batch, 3), np.float32))
        runner.run(np.ones((1, 3), np.float32))
    assert len(runner._compiled) == MOST_SHAPES and ((1, 3),) in runner._compiled


def test_what_follows_from_shapes_is_a_constant_of_the_plan() -> None:
    """ShapeOf -> Gather -> Concat -> Reshape: nothing of it runs."""
    net = Network()
    x = net.relu(net.input(-1, 4, 3))
    batch = net.do("Gather", net.do("ShapeOf", x), np.array([0]), np.int64(0))
    graph = net.result(net.relu(net.do("Reshape", x, net.do("Concat", batch, np.array([-1]), axis=0))))
    runner = Executor(graph)
    assert runner.run(np.ones((5, 4, 3), np.float32))["y"].shape == (5, 12)
    assert [step.kernel for step in runner.plan] == ["clip f32", "clip f32"]


@pytest.mark.parametrize("runner", [Executor, Interpreter])
def test_shapes_that_a_layer_cannot_take_are_refused(runner: Any) -> None:
    net = Network()
    graph = net.result(
        net.relu(net.do("TopK", net.input(-1, 3), np.int64(5), axis=0, mode="max", sort="value"))
    )
    with pytest.raises(
        GraphError,
        match=r"^layer 'TopK' \(TopK\), for inputs x \[2, 3\]: k must be within \[0, 2\], found 5$",
    ):
        runner(graph).run(np.ones((2, 3), np.float32))


# ---- what a step touches is checked ------------------------------------------------------------------------


def break_rows(monkeypatch: pytest.MonkeyPatch, change: Callable[[Row], None]) -> None:
    """Let every row that a builder makes be changed before it is checked."""
    original = plan._rows

    def rows(*arguments: Any) -> Any:
        steps = original(*arguments)
        change(steps[-1].row)
        return steps

    monkeypatch.setattr(plan, "_rows", rows)


def conv_network() -> Graph:
    net = Network()
    return net.result(net.max_pool(net.conv(net.relu(net.input(2, 4, 8, 8)), 4, 3, pad=1)))


@pytest.mark.parametrize("field", ["input", "output"])
@pytest.mark.parametrize("dimension", ["height", "width", "channels"])
@pytest.mark.parametrize("by", [-1, 1])
def test_a_row_that_would_touch_other_bytes_is_refused(
    monkeypatch: pytest.MonkeyPatch, field: str, dimension: str, by: int
) -> None:
    def change(row: Row) -> None:
        row.write(field, {dimension: row.record[field][dimension] + by})

    break_rows(monkeypatch, change)
    with pytest.raises(PlanError, match="This is a fault of numpot"):
        Executor(conv_network()).run(np.ones((2, 4, 8, 8), np.float32))


def test_a_row_that_reads_what_nobody_wrote_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "_drop_unread", lambda made, graph, keep: made.steps.pop(1))
    with pytest.raises(PlanError, match="before it is"):
        Executor(conv_network()).run(np.ones((2, 4, 8, 8), np.float32))


def test_a_definition_that_makes_another_shape_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    net = Network()
    graph = net.result(net.relu(net.do("Sigmoid", net.input(-1, 3))))
    monkeypatch.setattr(Sigmoid, "evaluate", lambda self, x: x[1:])
    with pytest.raises(
        GraphError, match=r"layer 'Sigmoid': made float32 \[1, 3\], where float32 \[2, 3\] was inferred"
    ):
        Executor(graph).run(np.ones((2, 3), F32))
