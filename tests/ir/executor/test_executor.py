"""The executor against the interpreter, on random networks; and what it owes its callers besides the right
numbers.
"""

import itertools
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from numpot.ir.dtypes import I64
from numpot.ir.errors import GraphError
from numpot.ir.executor import schedule
from numpot.ir.executor.executor import Executor
from numpot.ir.executor.schedule import Stretch
from numpot.ir.formats.native.model import read_xmlbin, write_model
from numpot.ir.graph import Graph, Tensor
from numpot.ir.interpreter import Interpreter
from numpot.ir.ops.constant import Constant
from numpot.kernels import reference
from numpot.kernels.statistics.min_max_sum import min_max_sum

from ...networks import Network
from ..int8_networks import network, samples
from ..random_networks import inputs, networks

FEW = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
ARITHMETICS = st.sampled_from(["exact", "saturating"])


# ---- the numbers -------------------------------------------------------------------------------------------


@FEW
@given(networks(int8=False), st.integers(1, 5))
def test_float_networks_are_the_interpreters_within_rounding(graph: Graph, batch: int) -> None:
    x = inputs(graph, batch)
    expected, found = Interpreter(graph).run(x)["y"], Executor(graph).run(x)["y"]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * float(np.abs(expected).max()))


@FEW
@given(networks(int8=True), st.integers(1, 5), ARITHMETICS)
def test_integer_networks_are_the_interpreters_bit_for_bit(graph: Graph, batch: int, arithmetic: Any) -> None:
    x = inputs(graph, batch)
    expected = Interpreter(graph, arithmetic=arithmetic).run(x)["y"]
    np.testing.assert_array_equal(Executor(graph, arithmetic=arithmetic).run(x)["y"], expected)


@FEW
@given(st.one_of(networks(int8=False), networks(int8=True)), ARITHMETICS)
def test_an_image_gives_the_same_bits_in_any_batch_and_on_any_threads(graph: Graph, arithmetic: Any) -> None:
    x = inputs(graph, 5)
    one_thread = Executor(graph, arithmetic=arithmetic, threads=1)
    together = one_thread.run(x)["y"]
    np.testing.assert_array_equal(
        np.concatenate([one_thread.run(x[i : i + 1])["y"] for i in range(5)]), together
    )
    np.testing.assert_array_equal(Executor(graph, arithmetic=arithmetic, threads=2).run(x)["y"], together)
    np.testing.assert_array_equal(
        Executor(graph, arithmetic=arithmetic, threads=7).run(x[:3])["y"], together[:3]
    )


def test_an_input_may_lie_in_memory_as_it_likes() -> None:
    graph, x = network("chain", "symmetric"), samples("chain")
    expected = Executor(graph).run(x)["y"]
    channels_last = np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    every_other = np.repeat(x, 2, axis=3)[..., ::2]
    for same in (channels_last, every_other, np.asfortranarray(x)):
        np.testing.assert_array_equal(Executor(graph).run(same)["y"], expected)


@pytest.mark.parametrize("runner", [Executor, Interpreter])
@pytest.mark.parametrize("arithmetic", ["exact", "saturating", "simulated"])
def test_an_empty_batch_gives_an_empty_result(runner: Any, arithmetic: Any) -> None:
    assert runner(network("chain", "symmetric"), arithmetic=arithmetic).run(samples("chain")[:0])[
        "y"
    ].shape == (0, 8, 7, 7)
    net = Network(int8=True)
    x = net.quantize(net.input(-1, 6, 5, 5), 0, 6)
    # a convolution of groups is an Im2Col first
    graph = net.result(net.max_pool(net.relu(net.conv(x, 4, 3, groups=2, pad=1))))
    assert runner(graph, arithmetic=arithmetic).run(np.zeros((0, 6, 5, 5), np.float32))["y"].shape == (
        0,
        4,
        2,
        2,
    )


def test_the_input_is_not_written_to() -> None:
    net = Network()
    x = net.input(-1, 3)
    net.do("Result", x, name="same")
    graph = net.result(net.relu(net.relu(x)))
    data = np.array([[-1, 0, 2]], np.float32)
    for run in (Executor(graph).run, Interpreter(graph).run):
        results = run(data)
        np.testing.assert_array_equal(data, [[-1, 0, 2]])
        np.testing.assert_array_equal(results["same"], data)
        np.testing.assert_array_equal(results["y"], [[0, 0, 2]])


def test_a_result_that_depends_on_no_input() -> None:
    net = Network()
    net.input(-1, 3)
    graph = net.result(net.relu(net.graph.constant(np.array([-1, 2], np.float32))))
    for run in (Executor(graph).run, Interpreter(graph).run):
        np.testing.assert_array_equal(run(np.zeros((1, 3), np.float32))["y"], [0, 2])


# ---- observers ---------------------------------------------------------------------------------------------


class Seen(dict[str, np.ndarray]):
    """An observer that keeps what it sees, by the tensor's name; a tensor seen twice in a run is an error."""

    def __call__(self, tensor: Tensor, value: np.ndarray) -> None:
        assert tensor.name not in self
        self[tensor.name] = np.array(value)


@FEW
@given(st.one_of(networks(int8=False), networks(int8=True)))
def test_observers_see_what_the_interpreter_sees(graph: Graph) -> None:
    """Of the graph as it is given; watching breaks up fused steps, and changes no result."""
    x = inputs(graph, 2)
    expected, found = Seen(), Seen()
    Interpreter(graph, arithmetic="simulated").run(x, observer=expected)
    weights = ("Constant", "Convert", "Multiply")
    observed = [t for node in graph if node.type not in (*weights, "Result") for t in node.outputs]
    executor = Executor(graph, arithmetic="simulated", observe=observed)
    result = executor.run(x, observer=found)["y"]
    assert found.keys() == {t.name for t in observed}
    for name, value in found.items():
        assert value.shape == expected[name].shape
        # there, a sum taken in another order may fall on the other side of a tie
        if not graph.of_type("FakeQuantize"):
            np.testing.assert_allclose(
                value, expected[name], rtol=1e-5, atol=1e-5 * float(np.abs(expected[name]).max())
            )
    np.testing.assert_array_equal(result, Executor(graph, arithmetic="simulated").run(x)["y"])


def test_only_what_was_asked_for_is_observed() -> None:
    graph = network("chain", "symmetric")
    wanted = graph.of_type("FakeQuantize")[0].inputs[0]
    seen = Seen()
    Executor(graph, arithmetic="simulated", observe=[wanted]).run(samples("chain"), observer=seen)
    assert list(seen) == ["x"]
    np.testing.assert_array_equal(seen["x"], samples("chain"))


# ---- saturation --------------------------------------------------------------------------------------------


def recount(graph: Graph, x: np.ndarray, arithmetic: Any) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Layer -> (clipped pairs, largest overflow) of each channel, by the definition, from the codes the
    interpreter computes.
    """
    interpreter = Interpreter(graph, arithmetic=arithmetic)
    codes: dict[Tensor, np.ndarray] = {}
    interpreter.run(x, observer=lambda tensor, value: codes.update({tensor: value}))
    counts = {}
    for node in interpreter.order:
        if node.type in ("ConvolutionInteger", "MatMulInteger"):
            a, w, zero_point = (codes[t] for t in node.inputs)
            if node.type == "MatMulInteger":
                a, w = a.reshape(-1, a.shape[-1]), (w.T if node.op.transpose_b else w)  # type: ignore[attr-defined]
                counts[node.name] = reference.saturated_pairs(a, w), reference.largest_overflow(a, w)
            else:
                names = ("strides", "pads_begin", "pads_end", "dilations", "groups")
                window = {name: getattr(node.op, name) for name in names}
                arguments = (a, w, zero_point.reshape(-1) if zero_point.size > 1 else int(zero_point.item()))
                counts[node.name] = (
                    reference.convolution_saturated_pairs(*arguments, **window),
                    reference.convolution_largest_overflow(*arguments, **window),
                )
    return {name.removesuffix("/integer"): count for name, count in counts.items()}


@FEW
@given(networks(int8=True), ARITHMETICS, st.sampled_from([1, 2]))
def test_saturation_is_counted_as_by_the_definition(graph: Graph, arithmetic: Any, threads: int) -> None:
    x = inputs(graph, 3)
    executor = Executor(graph, arithmetic=arithmetic, threads=threads, count_saturation=True)
    executor.run(x)
    expected = recount(graph, x, arithmetic)
    assert sorted(layer.name for layer in executor.saturation) == sorted(expected)
    for layer in executor.saturation:
        np.testing.assert_array_equal(layer.saturated, expected[layer.name][0])
        np.testing.assert_array_equal(layer.largest_overflow, expected[layer.name][1])
        assert 0 <= layer.saturated.sum() <= layer.pairs
        assert not (layer.provably_safe and layer.saturated.any())


def test_saturation_adds_up_over_runs_and_is_not_counted_unasked() -> None:
    graph, x = network("chain", "unsigned"), samples("chain")
    executor = Executor(graph, count_saturation=True)
    executor.run(x[:5])
    executor.run(x[5:])
    whole = Executor(graph, count_saturation=True)
    whole.run(x)
    first, last = executor.saturation
    assert [layer.saturated.tolist() for layer in executor.saturation] == [
        layer.saturated.tolist() for layer in whole.saturation
    ]
    assert first.saturated.sum() > 0 and not first.provably_safe
    # images, outputs, taps, pairs of channels
    assert (first.pairs, last.pairs) == (8 * 16 * 49 * 9 * 4, 8 * 8 * 49 * 8)
    silent = Executor(graph)
    silent.run(x)
    assert silent.saturation == []


# ---- plans -------------------------------------------------------------------------------------------------


def mobilenet_block(*, int8: bool) -> Graph:
    """Expand, filter, project, and add."""
    net = Network(int8=int8)
    x = net.quantize(net.input(-1, 8, 7, 7), 0, 6)
    x = net.quantize(net.relu6(net.conv(x, 8)), 0, 6)
    y = net.quantize(net.relu6(net.conv(x, 24)), np.zeros(24), np.full(24, 6))
    y = net.quantize(net.relu6(net.depthwise(y)), 0, 6)
    y = net.quantize(net.conv(y, 8), -2, 2 * 127 / 128)
    y = net.quantize(net.do("Add", y, x), -3, 3 * 127 / 128)
    return net.result(net.conv(y, 10))


def kernels(executor: Executor) -> list[str]:
    return [step.kernel for step in executor.plan]


def test_the_plan_of_a_float_mobilenet_block() -> None:
    """The Add belongs to the convolution above it."""
    plan = Executor(mobilenet_block(int8=False)).plan
    layer = "convolution f32"
    assert [step.kernel for step in plan] == [
        "channels last",
        layer,
        layer,
        "depthwise f32",
        layer,
        layer,
        "channels first",
    ]
    assert [len(step.fused) for step in plan] == [0, 2, 2, 2, 2, 1, 0]  # bias and activation, or branch


def test_the_plan_of_an_integer_mobilenet_block() -> None:
    """From one layer's sums to the next one's codes is one step, the residual Add included: no float is ever
    stored but the result.
    """
    executor = Executor(mobilenet_block(int8=True), arithmetic="saturating")
    layer = "convolution u8s8 saturating"
    assert kernels(executor) == ["quantize", layer, layer, "depthwise u8s8", layer, layer, "channels first"]
    assert [len(step.fused) for step in executor.plan] == [0, 5, 5, 5, 8, 3, 0]


@FEW
@given(st.one_of(networks(int8=False), networks(int8=True)), st.integers(1, 3))
def test_no_two_tensors_share_memory_while_both_are_needed(graph: Graph, batch: int) -> None:
    executor = Executor(graph, threads=1)
    executor.run(inputs(graph, batch))
    steps = [step for step in executor.plan if step.row]
    for stretch in (item for item in executor.compiled.schedule.items if isinstance(item, Stretch)):
        lives = {
            s: [i for i in range(stretch.first, stretch.stop) if s in steps[i].slots] for s in stretch.offsets
        }
        places = {
            s: (o, o + executor.compiled.plan.slots.slots[s].bytes // stretch.images)
            for s, o in stretch.offsets.items()
        }
        for a, b in itertools.combinations(stretch.offsets, 2):
            together = lives[a][0] <= lives[b][-1] and lives[b][0] <= lives[a][-1]
            apart = places[a][1] <= places[b][0] or places[b][1] <= places[a][0]
            assert apart or not together
        assert all(end <= stretch.arena_bytes for _, end in places.values())


@pytest.mark.skipif(
    not Path("/proc/self/smaps").exists(), reason="only Linux says what of a file is in memory"
)
@pytest.mark.parametrize("int8", [False, True])
def test_weights_of_a_file_are_in_memory_once(int8: bool, tmp_path: Path) -> None:
    """Packed, that is; the file gives them again to whoever reads the graph."""
    net = Network(int8=int8)
    original = net.result(net.matmul(net.quantize(net.input(-1, 512), 0, 6), 1024))
    write_model(original, tmp_path / "m.xml")
    graph = read_xmlbin(tmp_path / "m.xml")

    def in_memory() -> int:
        of_file = Path("/proc/self/smaps").read_text().partition(str(tmp_path / "m.bin"))[2]
        return 1024 * int(re.findall(r"^Rss: +(\d+) kB", of_file, re.MULTILINE)[0])

    assert in_memory() >= 512 * 1024
    executor = Executor(graph)
    for batch in (1, 3):  # compiled twice
        executor.run(np.ones((batch, 512), np.float32))
    assert in_memory() < 256 * 1024
    for node, copy in zip(original, graph, strict=True):
        if isinstance(node.op, Constant):
            np.testing.assert_array_equal(copy.op.value, node.op.value)


@pytest.mark.parametrize(("images", "threads"), [(1, 1), (3, 1), (2, 2), (7, 2)])
def test_a_sweep_within_the_program_finds_what_one_of_the_observed_tensor_finds(
    images: int, threads: int
) -> None:
    graph = mobilenet_block(int8=False)
    wanted = [n.output for n in graph if n.type in ("Convolution", "Add", "Clamp")]
    swept, observed = (
        Executor(graph, threads=threads, sweep=wanted),
        Executor(graph, threads=threads, observe=wanted),
    )
    x = np.random.default_rng(0).standard_normal((images, 8, 7, 7)).astype(np.float32)
    seen: dict[Tensor, Any] = {}
    expected = observed.run(
        x,
        observer=lambda t, value: seen.update(
            {t: min_max_sum(value.transpose(0, 2, 3, 1).reshape(len(value), -1, value.shape[1]))}
        ),
    )
    found = swept.run(x)
    assert list(swept.sweeps) == list(seen) and len(seen) == len(wanted)
    for tensor in wanted:
        for a, b in zip(swept.swept(tensor), seen[tensor], strict=True):
            np.testing.assert_array_equal(a, b, strict=True)
    for name, result in expected.items():
        np.testing.assert_array_equal(found[name], result, strict=True)


def test_small_images_go_through_the_last_layers_together(monkeypatch: pytest.MonkeyPatch) -> None:
    net = Network(int8=False)
    graph = net.result(net.conv(net.max_pool(net.conv(net.input(-1, 3, 16, 16), 8), 4, 4), 4))
    x = np.random.default_rng(0).standard_normal((9, 3, 16, 16)).astype(np.float32)
    (expected,) = Executor(graph).run(x).values()
    monkeypatch.setattr(schedule, "CACHED", 10_000)
    split = Executor(graph)
    np.testing.assert_array_equal(*split.run(x).values(), expected, strict=True)
    chunks = [item.chunk for item in split.compiled.schedule.items if isinstance(item, Stretch)]
    assert len(chunks) > 1 and chunks == sorted(chunks)
    split.run(x[:1])
    assert sum(isinstance(item, Stretch) for item in split.compiled.schedule.items) == 1


def test_nothing_is_fused_across_a_tensor_that_is_observed() -> None:
    graph = mobilenet_block(int8=False)
    relu6 = graph.of_type("Clamp")[0]
    executor = Executor(graph, observe=[relu6.inputs[0]])
    assert kernels(executor)[1:3] == ["convolution f32", "clip f32"] and executor.plan[2].name == relu6.name


def test_constants_are_computed_once() -> None:
    net = Network(int8=True)
    graph = net.result(net.matmul(net.input(-1, 6), 4))  # int8 weights, but floats come in
    executor = Executor(graph)
    assert kernels(executor) == ["matmul f32"]


# ---- wrong inputs ------------------------------------------------------------------------------------------


def two_inputs() -> Graph:
    net = Network()
    a, b = net.input(-1, 3, name="a"), net.input(-1, 3, name="b")
    net.input(2, name="n", dtype=I64)
    return net.result(net.do("Add", a, b))


A, N = np.zeros((2, 3), np.float32), np.zeros(2, np.int64)
WRONG = [
    (A, "the model has inputs 'a', 'b', 'n'; give a dict of arrays by these names"),
    ({"a": A, "n": N}, "input 'b' is missing"),
    ({"a": A, "b": A, "n": N, "c": A}, "the model has no input 'c'; its inputs are 'a', 'b', 'n'"),
    ({"a": A, "b": A.astype(np.float64), "n": N}, "input 'b' must be f32, found float64"),
    ({"a": A, "b": A[:, :2], "n": N}, "input 'b' must have shape [-1, 3], found [2, 2]"),
    ({"a": A, "b": A[0], "n": N}, "input 'b' must have shape [-1, 3], found [3]"),
    ({"a": A, "b": A, "n": np.zeros(3, np.int64)}, "input 'n' must have shape [2], found [3]"),
    ({"a": A, "b": A[:1], "n": N}, "inputs must have one batch size, found 'a': 2, 'b': 1"),
]


@pytest.mark.parametrize(("wrong", "message"), WRONG)
@pytest.mark.parametrize("runner", [Executor, Interpreter])
def test_inputs_that_do_not_fit_are_refused(runner: Any, wrong: Any, message: str) -> None:
    with pytest.raises(GraphError) as error:
        runner(two_inputs()).run(wrong)
    assert str(error.value) == message


def test_inputs_by_name_or_alone() -> None:
    net = Network()
    graph = net.result(net.relu(net.input(-1, 3, name="picture")))
    for given_as in (A, {"picture": A}):
        assert Executor(graph).run(given_as)["y"].shape == (2, 3)
