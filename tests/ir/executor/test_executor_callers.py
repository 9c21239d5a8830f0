"""Who may run an Executor: several threads, children of fork, a copy that was pickled; but not its own
observer.
"""

import multiprocessing
import os
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from numpot.ir.errors import GraphError
from numpot.ir.executor.executor import Executor
from numpot.ir.graph import Graph, Tensor
from numpot.ir.interpreter import Interpreter

from ..int8_networks import network, samples

PATIENCE = 60  # seconds until something hangs


def graph() -> Graph:
    return network("chain", "symmetric")


# ---- threads -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("threads", [1, 2])
def test_threads_may_share_an_executor(threads: int) -> None:
    """They wait for each other; everybody gets the results of his own inputs, whatever their batch size."""
    executor, x = Executor(graph(), threads=threads), samples("chain")
    images = [x[first : first + count] for first in range(4) for count in (1, 2, 4)]
    expected = [Executor(graph(), threads=1).run(some)["y"] for some in images]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(3):
            for found, wanted in zip(
                pool.map(lambda some: executor.run(some)["y"], images), expected, strict=True
            ):
                np.testing.assert_array_equal(found, wanted)


def test_an_observer_cannot_run_what_it_observes() -> None:
    model = graph()
    executor = Executor(model, arithmetic="simulated", observe=[model.inputs[0].output])
    with pytest.raises(GraphError, match="an observer must not run the Executor that it observes"):
        executor.run(samples("chain"), observer=lambda tensor, value: executor.run(value) and None)
    executor.run(samples("chain"))  # and it is not left as if it were running


def test_a_tensor_of_another_graph_cannot_be_observed() -> None:
    """A quantized model runs as another graph, where this tensor is not."""
    model = graph()
    wanted = model.of_type("FakeQuantize")[0].output
    with pytest.raises(GraphError, match="cannot be observed: it is no tensor of the graph that runs"):
        Executor(model, observe=[wanted])


# ---- fork --------------------------------------------------------------------------------------------------

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


def in_child(do: Any) -> Any:
    """What a forked child computes, if it ends."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=lambda: sender.send(do()))
    child.start()
    has_ended = receiver.poll(PATIENCE)
    result = receiver.recv() if has_ended else None
    child.join(PATIENCE if has_ended else 0)
    if child.is_alive():
        child.kill()
    assert has_ended, "the child hangs"
    return result


@needs_fork
@pytest.mark.parametrize("images", [1, 4])
def test_a_forked_child_has_threads_of_its_own(images: int) -> None:
    executor, x = Executor(graph(), threads=2), samples("chain")[:4]
    expected = executor.run(x)["y"]
    found = in_child(lambda: executor.run(x[:images])["y"])
    np.testing.assert_array_equal(found, expected[:images])
    np.testing.assert_array_equal(executor.run(x)["y"], expected)


@needs_fork
def test_a_child_that_is_forked_in_the_middle_of_a_run_does_not_wait_for_it() -> None:
    model, x = graph(), samples("chain")[:4]
    executor = Executor(model, arithmetic="simulated", threads=2, observe=[model.inputs[0].output])
    expected = executor.run(x)["y"]
    in_the_middle, go_on = threading.Event(), threading.Event()

    def observer(tensor: Tensor, value: np.ndarray) -> None:
        in_the_middle.set()
        assert go_on.wait(2 * PATIENCE)

    runner = threading.Thread(target=lambda: executor.run(x, observer=observer))
    runner.start()
    try:
        assert in_the_middle.wait(PATIENCE)
        np.testing.assert_array_equal(in_child(lambda: executor.run(x)["y"]), expected)
    finally:
        go_on.set()
        runner.join()


# ---- pickle ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arithmetic", ["exact", "saturating", "simulated"])
@pytest.mark.parametrize("runner", [Executor, Interpreter])
def test_a_pickled_copy_computes_the_same(runner: Any, arithmetic: Any) -> None:
    original, x = runner(graph(), arithmetic=arithmetic), samples("chain")
    expected = original.run(x)["y"]
    copy = pickle.loads(pickle.dumps(original))
    np.testing.assert_array_equal(copy.run(x)["y"], expected, strict=True)
    assert [node.name for node in copy.graph] == [node.name for node in original.graph]


def test_a_pickled_executor_keeps_its_arguments() -> None:
    model, x = network("chain", "symmetric"), samples("chain")
    watched, swept = model.of_type("FakeQuantize")[0].output, model.of_type("Add")[0].output
    original = Executor(model, arithmetic="simulated", observe=[watched], sweep=[swept], threads=2)
    copy = pickle.loads(pickle.dumps(original))
    seen: list[dict[str, np.ndarray]] = [{}, {}]
    for executor, found in zip((original, copy), seen, strict=True):
        executor.run(x, observer=lambda tensor, value, found=found: found.update({tensor.name: value.copy()}))  # type: ignore[misc]
    assert seen[0].keys() == seen[1].keys() == {watched.name}
    np.testing.assert_array_equal(seen[0][watched.name], seen[1][watched.name])
    (theirs,) = copy.sweeps
    assert theirs.name == swept.name
    for a, b in zip(original.swept(swept), copy.swept(theirs), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_pickled_executor_counts_from_the_beginning() -> None:
    executor, x = Executor(network("chain", "unsigned"), count_saturation=True), samples("chain")
    executor.run(x)
    copy = pickle.loads(pickle.dumps(executor))
    assert copy.saturation == []
    copy.run(x)
    assert [layer.saturated.tolist() for layer in copy.saturation] == [
        layer.saturated.tolist() for layer in executor.saturation
    ]
