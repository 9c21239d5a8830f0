"""What only a run can find, shapes and contents that a layer cannot take, is one sentence that names the
layer.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from numpot.ir.dtypes import I64
from numpot.ir.errors import GraphError
from numpot.ir.executor.executor import Executor
from numpot.ir.graph import Graph, Tensor
from numpot.ir.interpreter import Interpreter
from numpot.ir.ops.sigmoid import Sigmoid

from ...networks import Network

ROWS = np.ones((2, 3), np.float32)
BUILD: dict[str, tuple[Callable[[Network, Tensor], Tensor], dict[str, Any], str]] = {
    "an index of the batch": (
        lambda net, x: net.do("Gather", x, np.array([5]), np.int64(0)),
        {"x": ROWS},
        "indices must be within [-2, 1], found 5 to 5",
    ),
    "an index that is an input": (
        lambda net, x: net.do("Gather", x, net.input(-1, name="i", dtype=I64), np.int64(1)),
        {"x": ROWS, "i": np.array([0, -9])},
        "indices must be within [-3, 2], found -9 to 0",
    ),
    "more than there are": (
        lambda net, x: net.do("TopK", x, np.int64(4), axis=0, mode="max", sort="value"),
        {"x": ROWS},
        "k must be within [0, 2], found 4",
    ),
    "a border wider than the batch": (
        lambda net, x: net.do("Pad", x, np.array([3, 0]), np.array([0, 0]), pad_mode="reflect"),
        {"x": ROWS},
        "reflect can pad 2 by 1 at most, found 3",
    ),
}


def model(build: Callable[[Network, Tensor], Tensor]) -> Graph:
    net = Network()
    return net.result(build(net, net.input(-1, 3)))


@pytest.mark.parametrize("name", BUILD)
def test_shapes_and_contents_that_a_layer_cannot_take(name: str) -> None:
    build, inputs, what = BUILD[name]
    found = []
    for runner in (Interpreter, Executor):
        with pytest.raises(GraphError) as error:
            runner(model(build)).run(inputs)
        found.append(str(error.value))
    assert found[0] == found[1]
    assert found[0].startswith("layer '") and found[0].endswith(what)


@pytest.mark.parametrize(
    "fault", [ValueError, IndexError, TypeError, ZeroDivisionError, OverflowError, MemoryError]
)
@pytest.mark.parametrize("runner", [Interpreter, Executor])
def test_whatever_a_definition_raises_names_the_layer(
    runner: Any, fault: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def evaluate(self: Sigmoid, x: np.ndarray) -> np.ndarray:
        raise fault("no way")

    monkeypatch.setattr(Sigmoid, "evaluate", evaluate)
    with pytest.raises(
        GraphError, match=r"^layer 'Sigmoid' \(Sigmoid\): cannot take inputs of shapes \[2, 3\] \(no way\)$"
    ):
        runner(model(lambda net, x: net.do("Sigmoid", x))).run(ROWS)


def test_constants_that_cannot_be_computed_name_the_layer() -> None:
    net = Network()
    net.input(-1, 3)
    graph = net.result(
        net.do("Gather", net.graph.constant(np.ones((5000, 3), np.float32)), np.array([5000]), np.int64(0))
    )
    with pytest.raises(
        GraphError,
        match=r"layer 'Gather' \(Gather\): indices must be within \[-5000, 4999\], found 5000 to 5000",
    ):
        Executor(graph)
