"""The memory budget: counted before it is taken, said in one sentence, and chosen by whoever runs the
program.
"""

import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from numpot.ir import memory
from numpot.ir.errors import MemoryLimitError, NumpotError
from numpot.ir.executor.executor import Executor
from numpot.ir.formats.model_files import read_model, save_model
from numpot.ir.formats.onnx import load_onnx, read_onnx
from numpot.ir.interpreter import Interpreter

from ..networks import Network

MIB = 2**20


def with_constants(
    nodes: list, constants: dict[str, np.ndarray], *, sparse: list[int] | None = None
) -> bytes:
    """y = x + c, where the nodes make c."""
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, None if name == "y" else [1]) for name in "xy"
    ]
    arrays = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    graph = helper.make_graph(
        [*nodes, helper.make_node("Add", ["x", "c"], ["y"])], "g", ends[:1], ends[1:], arrays
    )
    if sparse:
        values = numpy_helper.from_array(np.ones(1, np.float32), "c")
        graph.sparse_initializer.append(
            helper.make_sparse_tensor(values, numpy_helper.from_array(np.zeros(1, np.int64), "i"), sparse)
        )
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9
    ).SerializeToString()


ONES = np.ones((1, 1, 8, 8), np.float32)


def doubled(times: int) -> bytes:
    nodes = [
        helper.make_node("Concat", [f"t{i}", f"t{i}"], [f"t{i + 1}" if i < times - 1 else "c"], axis=0)
        for i in range(times)
    ]
    return with_constants(nodes, {"t0": np.ones(MIB // 8, np.float32)})


def padded_far() -> bytes:
    """A convolution of 64 numbers in a border of 4096: little goes in, little comes out, and much lies
    between.
    """
    node = helper.make_node("Conv", ["a", "w"], ["c"], pads=[4096] * 4, strides=[4000, 4000])
    return with_constants([node], {"a": ONES, "w": ONES})


@pytest.mark.parametrize(
    "blob", [doubled(20), with_constants([], {}, sparse=[2**31])], ids=["Concat", "sparse"]
)
def test_what_reading_makes_is_counted_before_it_is_made(blob: bytes) -> None:
    tracemalloc.start()
    try:
        with (
            memory.budget(64 * MIB),
            pytest.raises(NumpotError, match=r"needs .*the memory budget is 64 MiB"),
        ):
            load_onnx(blob)
        assert tracemalloc.get_traced_memory()[1] < 200 * MIB
    finally:
        tracemalloc.stop()


def test_what_an_evaluation_takes_on_its_way_is_counted() -> None:
    with (
        memory.budget(64 * MIB),
        pytest.raises(
            MemoryLimitError, match=r"layer 'c' \(Convolution\), which makes \[1, 1, 3, 3\], needs 2"
        ),
    ):
        load_onnx(padded_far())


def test_constants_that_are_much_work_are_left_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first of these would be computed, and all would be too much."""
    monkeypatch.setattr("numpot.ir.evaluation.MOST_OPERATIONS", 2**28)
    nodes = [
        helper.make_node("Conv", ["a", "w"], [f"c{i}"], pads=[4096] * 4, strides=[4000, 4000])
        for i in range(9)
    ]
    graph = load_onnx(
        with_constants(
            [*nodes, helper.make_node("Sum", [f"c{i}" for i in range(9)], ["c"])], {"a": ONES, "w": ONES}
        )
    )
    assert 0 < len(graph.of_type("Convolution")) < 9


@pytest.mark.parametrize("run", [Interpreter, Executor], ids=["interpreter", "executor"])
def test_a_run_that_takes_too_much_is_refused_with_its_layer(run: type) -> None:
    net = Network()
    graph = net.result(net.do("Tile", net.input(-1, 64, name="x"), np.array([1, 1024]), name="tiled"))
    small = np.ones((1, 64), np.float32)
    with memory.budget(8 * MIB):
        machine = run(graph)
        assert machine.run(small)["y"].shape == (1, 65536)
        with pytest.raises(
            MemoryLimitError,
            match=r"with 1000 images up to layer 'tiled' \(Tile\), which makes \[-1, 65536\], needs 250",
        ):
            machine.run(np.ones((1000, 64), np.float32))


@pytest.mark.parametrize("operator", ["Expand", "Tile"])
def test_what_grows_to_more_than_any_memory_is_refused_when_it_would_run(operator: str) -> None:
    node = helper.make_node(operator, ["one", "s"], ["c"])
    graph = load_onnx(with_constants([node], {"one": np.ones(1, np.float32), "s": np.array([2**34])}))
    for run in (Interpreter, Executor):
        with pytest.raises(MemoryLimitError, match="needs 64 GiB|needs 128 GiB"), memory.budget(2**30):
            run(graph).run(np.ones(1, np.float32))


def test_initializers_that_share_a_file_take_it_once(tmp_path: Path) -> None:
    (tmp_path / "w.bin").write_bytes(bytes(MIB))
    tensors = []
    for i in range(500):
        tensor = TensorProto(
            name=f"w{i}", data_type=TensorProto.FLOAT, dims=[MIB // 4], data_location=TensorProto.EXTERNAL
        )
        tensor.external_data.add(key="location", value="w.bin")
        tensors.append(tensor)
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [MIB // 4]) for name in "xy"]
    graph = helper.make_graph(
        [helper.make_node("Sum", ["x", *(t.name for t in tensors)], ["y"])], "g", ends[:1], ends[1:], tensors
    )
    (tmp_path / "m.onnx").write_bytes(
        helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9
        ).SerializeToString()
    )
    with memory.budget(16 * MIB):
        assert len(read_onnx(tmp_path / "m.onnx").of_type("Constant")) == 500


@pytest.mark.parametrize(
    ("text", "size"), [("4GiB", 2**32), ("1.5 kb", 1500), ("1000", 1000), (" 2TiB ", 2**41)]
)
def test_sizes(text: str, size: int) -> None:
    assert memory.parse_size(text, "--memory") == size


@pytest.mark.parametrize("text", ["", "0", "-1", "1e9", "4 apples", "nan", "9" * 5000, "1.2.3GB", "٣"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(NumpotError, match="--memory must be a number of bytes such as 4GiB"):
        memory.parse_size(text, "--memory")


def test_the_budget_is_a_share_of_the_machine_or_what_the_user_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(memory.VARIABLE, raising=False)
    assert 0 < memory.limit() <= memory.machine_memory()
    monkeypatch.setenv(memory.VARIABLE, "1MiB")
    assert memory.limit() == MIB
    with memory.budget(5):
        assert memory.limit() == 5
    for wrong in (0, -1, True, 1.5, "1GB"):
        with pytest.raises(NumpotError, match="a memory budget must be"), memory.budget(wrong):  # type: ignore[arg-type]
            pass


def test_the_command_line_has_the_option(tmp_path: Path) -> None:
    net = Network()
    save_model(
        net.result(net.do("Tile", net.input(-1, 64, name="x"), np.array([1, 2**24]), name="tiled")),
        tmp_path / "m.xml",
    )
    np.savez(tmp_path / "d.npz", x=np.ones((1, 64), np.float32), y=np.zeros(1, int))
    command = [
        sys.executable,
        "-m",
        "numpot.quant.cli",
        "--memory",
        "100MiB",
        "evaluate",
        str(tmp_path / "m.xml"),
    ]
    found = subprocess.run([*command, "--data", str(tmp_path / "d.npz")], capture_output=True, text=True)
    assert found.returncode == 2 and found.stdout == ""
    assert "the memory budget is 100 MiB" in found.stderr and found.stderr.count("\n") == 1


def test_read_model_counts_one_reading_at_a_time(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(doubled(3))
    with memory.budget(16 * MIB):
        for _ in range(4):
            read_model(tmp_path / "m.onnx")
