"""numpot benchmark: what it reports, what it refuses, and that it notices a peer that computes something
else.
"""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from numpot.ir import save_model
from numpot.quant.benchmark import benchmark as benchmarking
from numpot.quant.benchmark import peers
from numpot.quant.cli import app
from numpot.quant.vendors import openvino
from numpot.quant.vendors.vendor import Inference, Inputs, Vendor

from ...networks import Network

onnx: Any = pytest.importorskip("onnx")
pytest.importorskip("openvino")
pytest.importorskip("onnxruntime")

KEYS = (
    "runtime batch threads calls min_ms median_ms p90_ms p99_ms samples_per_second speed_ratio difference"
).split()


def invoke(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["benchmark", *map(str, arguments), "--seconds", "0.1"])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """model.onnx, ReLU(x @ w) of a batch of any size; fixed.onnx for batch 1 only; model.xml in numpot's
    format; data.npz.
    """
    monkeypatch.chdir(tmp_path)
    h, rng = onnx.helper, np.random.default_rng(0)
    nodes = [h.make_node("MatMul", ["x", "w"], ["xw"]), h.make_node("Relu", ["xw"], ["y"])]
    weights = onnx.numpy_helper.from_array(rng.standard_normal((6, 5)).astype(np.float32), "w")
    for name, batch in (("model", "N"), ("fixed", 1)):
        ports = [
            h.make_tensor_value_info(port, onnx.TensorProto.FLOAT, (batch, size))
            for port, size in (("x", 6), ("y", 5))
        ]
        graph = h.make_graph(nodes, name, ports[:1], ports[1:], [weights])
        onnx.save(h.make_model(graph, opset_imports=[h.make_opsetid("", 17)], ir_version=9), f"{name}.onnx")
    net = Network()
    save_model(net.result(net.matmul(net.input(-1, 6), 5)), "model.xml")
    np.savez("data.npz", x=rng.standard_normal((3, 6)).astype(np.float32))
    return tmp_path


def test_every_runtime_on_every_batch_and_thread_count(folder: Path) -> None:
    outcome = invoke("model.onnx", "--batch", "1,4", "--threads", "1,2", "--data", "data.npz", "--json")
    assert outcome.exit_code == 0, outcome.output
    report = json.loads(outcome.stdout)
    assert (
        list(report) == ["model", "arithmetic", "environment", "results", "warnings"]
        and report["warnings"] == []
    )
    assert {"cpu", "instructions", "python", "numpot", "numpy", "numba", "openvino", "onnxruntime"} == set(
        report["environment"]
    )
    assert [(r["batch"], r["threads"], r["runtime"]) for r in report["results"]] == [
        (batch, threads, runtime)
        for batch in (1, 4)
        for threads in (1, 2)
        for runtime in ("numpot", "openvino", "onnxruntime")
    ]
    for result in report["results"]:
        assert list(result) == KEYS and result["calls"] >= benchmarking.LEAST_ROUNDS
        assert 0 < result["min_ms"] <= result["median_ms"] <= result["p90_ms"] <= result["p99_ms"]
        assert result["difference"] < 1e-6 and (result["runtime"] != "numpot" or result["difference"] == 0)
    for i, result in enumerate(report["results"]):
        ours = report["results"][i // 3 * 3]
        assert result["speed_ratio"] == pytest.approx(result["min_ms"] / ours["min_ms"], rel=0.01, abs=1e-3)


def test_the_table_names_the_ratio_and_the_place(folder: Path) -> None:
    outcome = invoke("model.onnx", "--against", "onnxruntime")
    assert outcome.exit_code == 0 and "openvino" not in outcome.stdout
    assert (
        "numpot's speed" in outcome.stdout
        and "instructions" in outcome.stdout
        and "warning" not in outcome.stdout
    )


def test_peers_get_a_model_in_numpots_format_as_onnx(folder: Path) -> None:
    report = json.loads(invoke("model.xml", "--json", "--batch", 3).stdout)
    assert [r["runtime"] for r in report["results"]] == ["numpot", "openvino", "onnxruntime"] and report[
        "warnings"
    ] == []
    assert sorted(path.name for path in folder.iterdir()) == [
        "data.npz",
        "fixed.onnx",
        "model.bin",
        "model.onnx",
        "model.xml",
    ]


def test_without_the_package_onnx_numpots_format_runs_alone(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peers, "can_write_onnx", lambda: False)
    assert [r["runtime"] for r in json.loads(invoke("model.xml", "--json").stdout)["results"]] == ["numpot"]


def test_a_peer_that_computes_something_else_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(path: Path, inputs: Inputs, threads: int) -> Inference:
        right = openvino.open_openvino(path, inputs, threads)
        return lambda: [1.5 * output for output in right()]

    monkeypatch.setitem(benchmarking.VENDORS, "openvino", replace(openvino.VENDOR, open=wrong))
    outcome = invoke("model.onnx", "--batch", 8)
    assert outcome.exit_code == 0
    assert (
        "warning: openvino computes something else: its outputs differ from numpot's by 0.5 of the "
        "largest one" in outcome.stdout
    )
    assert "onnxruntime computes" not in outcome.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["model.onnx", "--against", "tensorrt"],
            "--against must name runtimes among openvino, onnxruntime, .* found 'tensorrt'",
        ),
        (
            ["model.onnx", "--batch", "0"],
            "--batch must be a number from 1 to 1048576, or several .* found '0'",
        ),
        (
            ["model.onnx", "--threads", "1,two"],
            "--threads must be a number from 1 to 1024, or several .* found '1,two'",
        ),
        (["fixed.onnx", "--batch", "2"], "input 'x' has a fixed batch of 1, found --batch 2"),
        (["absent.onnx"], "absent.onnx: cannot be read"),
    ],
)
def test_errors(folder: Path, arguments: list[str], message: str) -> None:
    outcome = invoke(*arguments)
    assert outcome.exit_code == 2 and outcome.stdout == ""
    assert re.search(message, outcome.stderr)


def test_a_peer_that_is_not_installed_names_its_extra(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Vendor, "is_installed", property(lambda vendor: vendor.name != "onnxruntime"))
    assert [r["runtime"] for r in json.loads(invoke("model.onnx", "--json").stdout)["results"]] == [
        "numpot",
        "openvino",
    ]
    outcome = invoke("model.onnx", "--against", "onnxruntime")
    assert outcome.exit_code == 2 and "pip install 'numpot[onnxruntime]'" in outcome.stderr


def test_runtimes_take_turns_until_the_time_is_used_up(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, order = [0.0], []

    def call(name: str, duration: float) -> list[np.ndarray]:
        order.append(name)
        clock[0] += duration
        return []

    monkeypatch.setattr(benchmarking, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(benchmarking, "TURN", 0.25)
    times = benchmarking.interleave(
        {"slow": lambda: call("slow", 1.0), "fast": lambda: call("fast", 0.125)}, seconds=5.5
    )
    assert order == ["slow", "fast", "fast"] * 5
    np.testing.assert_array_equal(times["slow"], np.full(5, 1.0))
    # the first call of each turn does not count
    np.testing.assert_array_equal(times["fast"], np.full(5, 0.125))


def test_differences() -> None:
    one = np.array([1.0, -2.0])
    assert benchmarking.largest_difference([one], [one]) == 0
    assert benchmarking.largest_difference([one + 0.5], [one]) == 0.25
    assert benchmarking.largest_difference([np.array([1.0, np.nan])], [one]) == np.inf
    assert benchmarking.largest_difference([one[:1]], [one]) == np.inf


def test_inputs_are_the_datas_first_samples_again_and_again(folder: Path) -> None:
    from numpot.quant.data.sources import open_data

    graph = peers.open_for_benchmark("model.onnx").graph
    x = np.load("data.npz")["x"]
    np.testing.assert_array_equal(
        benchmarking.sample_inputs(graph, 4, open_data("data.npz", graph))["x"], x[[0, 1, 2, 0]]
    )
