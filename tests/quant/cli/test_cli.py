"""The command line: what it prints, how it fails, what it leaves behind."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import Result as Outcome

from numpot.ir import Graph, read_model, save_model
from numpot.ir.dtypes import F32
from numpot.ir.executor.executor import Executor
from numpot.ir.ops.add import Add
from numpot.ir.ops.convolution import Convolution
from numpot.ir.ops.flatten import Flatten
from numpot.ir.ops.matmul import MatMul
from numpot.ir.ops.parameter import Parameter
from numpot.ir.ops.relu import ReLU
from numpot.ir.ops.result import Result

from .command_line import invoke

SAMPLES = 40


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a small float model, data.npz with labels, and bare.npz without."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    graph = Graph("small")
    x = graph.add(Parameter(element_type=F32, shape=(-1, 2, 6, 6)), name="x").output
    w = graph.constant(rng.normal(size=(4, 2, 3, 3)).astype(np.float32), "w")
    conv = graph.add(
        Convolution(strides=(1, 1), pads_begin=(1, 1), pads_end=(1, 1), dilations=(1, 1)), [x, w], "conv"
    ).output
    biased = graph.add(
        Add(), [conv, graph.constant(rng.normal(size=(1, 4, 1, 1)).astype(np.float32), "b")], "bias"
    ).output
    flat = graph.add(Flatten(axis=1), [graph.add(ReLU(), [biased], "relu").output], "flat").output
    head = graph.add(
        MatMul(transpose_b=True),
        [flat, graph.constant(rng.normal(size=(3, 144)).astype(np.float32), "v")],
        "head",
    ).output
    graph.add(Result(), [head], "logits")
    save_model(graph, "model.xml")
    data = rng.normal(size=(SAMPLES, 2, 6, 6)).astype(np.float32)
    np.savez("data.npz", x=data, y=rng.integers(0, 3, SAMPLES))
    np.savez("bare.npz", x=data)
    return tmp_path


@pytest.fixture
def quantized(folder: Path) -> Path:
    assert invoke("quantize", "model.xml", "--data", "bare.npz", "-o", "int8.xml").exit_code == 0
    return folder


# ---- what it does ------------------------------------------------------------------------------------------


def test_quantize_reports_the_documented_keys(folder: Path) -> None:
    outcome = invoke(
        "quantize",
        "model.xml",
        "--data",
        "bare.npz",
        "-o",
        "int8.xml",
        "--preset",
        "mixed",
        "--subset-size",
        30,
        "--json",
    )
    assert outcome.exit_code == 0
    report = json.loads(outcome.stdout)
    told = {"scopes", "inputs", "zeroed_layers", "noisy_layers"}
    assert report.keys() == {"output", "samples", "seconds", "peak_rss_mb", "parameters", "layers"} | told
    assert (
        report["output"] == "int8.xml"
        and report["samples"] == 30
        and report["parameters"]["preset"] == "mixed"
    )
    assert report["layers"] == [
        {"name": "conv", "type": "Convolution", "integer": True},
        {"name": "head", "type": "MatMul", "integer": True},
    ]
    assert read_model("int8.xml").info["quantization"]["parameters"] == report["parameters"]  # type: ignore[index]


def test_evaluate_reports_the_documented_keys_in_every_arithmetic(quantized: Path) -> None:
    for arithmetic in ("exact", "saturating", "simulated"):
        outcome = invoke(
            "evaluate",
            "int8.xml",
            "--data",
            "data.npz",
            "--metric",
            "accuracy@1",
            "--arithmetic",
            arithmetic,
            "--json",
        )
        report = json.loads(outcome.stdout)
        assert report.keys() == {
            "metric",
            "value",
            "samples",
            "seconds",
            "arithmetic",
            "not_finite",
            "classes",
        }
        assert (
            report["metric"] == "accuracy@1"
            and report["arithmetic"] == arithmetic
            and report["samples"] == SAMPLES
        )
        assert 0 <= report["value"] <= 1


def test_agreement_with_the_float_model(quantized: Path) -> None:
    outcome = invoke(
        "evaluate",
        "int8.xml",
        "--data",
        "bare.npz",
        "--metric",
        "agreement",
        "--reference",
        "model.xml",
        "--json",
    )
    assert json.loads(outcome.stdout)["value"] >= 0.9


def test_saturation_reports_the_documented_keys(quantized: Path) -> None:
    report = json.loads(invoke("saturation", "int8.xml", "--data", "bare.npz", "--json").stdout)
    assert [layer["name"] for layer in report["layers"]] == ["conv", "head"]
    conv, head = report["layers"]
    # saturation_fix gives the first layer 7-bit weights
    assert conv["provably_safe"] and conv["saturated"] == 0
    assert conv["pairs"] == SAMPLES * 4 * 36 * 9 and head["pairs"] == SAMPLES * 3 * 72
    assert report["total_saturated"] == conv["saturated"] + head["saturated"]


def test_seven_bits_everywhere_cannot_saturate(folder: Path) -> None:
    invoke("quantize", "model.xml", "--data", "bare.npz", "-o", "int8.xml", "--saturation-fix", "all")
    report = json.loads(invoke("saturation", "int8.xml", "--data", "bare.npz", "--json").stdout)
    assert report["total_saturated"] == 0 and all(layer["provably_safe"] for layer in report["layers"])


def test_ignored_layers_stay_in_float(folder: Path) -> None:
    outcome = invoke(
        "quantize", "model.xml", "--data", "bare.npz", "-o", "int8.xml", "--ignore", "conv", "--json"
    )
    assert {layer["name"]: layer["integer"] for layer in json.loads(outcome.stdout)["layers"]} == {
        "conv": False,
        "head": True,
    }


def test_quantizers_can_be_told_everything(folder: Path) -> None:
    options = [
        "--target-device",
        "CPU",
        "--batch-size",
        3,
        "--range-estimator",
        "quantile",
        "--no-inplace-statistics",
    ]
    options += ["--weights", "bits=4", "--weights", "range_estimator.preset=mse"]
    options += ["--activations", "mode=asymmetric", "--activations", "range_estimator.max.clipping_value=1.5"]
    outcome = invoke("quantize", "model.xml", "--data", "bare.npz", "-o", "int8.xml", *options, "--json")
    parameters = json.loads(outcome.stdout)["parameters"]
    assert parameters["weights"] == {"bits": 4, "range_estimator": {"preset": "mse"}}
    assert parameters["activations"] == {
        "mode": "asymmetric",
        "range_estimator": {"preset": "default", "max": {"clipping_value": 1.5}},
    }
    assert (
        parameters["range_estimator"] == {"preset": "quantile"} and parameters["inplace_statistics"] is False
    )
    assert parameters["target_device"] == "CPU" and parameters["stat_batch_size"] == 3
    model = read_model("int8.xml")
    assert model.info["quantization"]["parameters"] == parameters  # type: ignore[index]
    highs = [node.inputs[2].constant for node in model.of_type("FakeQuantize")]
    assert all(high is not None and high <= 1.5 for high in highs)


def test_statistics_are_kept_for_the_next_run(folder: Path) -> None:
    outputs = []
    for name, options in (
        ("plain", []),
        ("first", ["--statistics-cache", "state"]),
        ("second", ["--statistics-cache", "state"]),
    ):
        assert (
            invoke("quantize", "model.xml", "--data", "bare.npz", "-o", f"{name}.xml", *options).exit_code
            == 0
        )
        outputs.append(Path(f"{name}.bin").read_bytes())
    assert outputs[0] == outputs[1] == outputs[2]
    assert Path("state/statistics.msgpack").stat().st_size < 20_000
    outcome = invoke(
        "quantize",
        "model.xml",
        "--data",
        "bare.npz",
        "-o",
        "x.xml",
        "--statistics-cache",
        "state",
        "--subset-size",
        7,
    )
    assert (
        outcome.exit_code == 2
        and "'samples' is 40, expected 7" in outcome.stderr
        and not Path("x.xml").exists()
    )


def test_inspect_and_check_show_a_quantized_model(quantized: Path) -> None:
    assert "sound" in invoke("check", "int8.xml").stdout
    layers = invoke("inspect", "int8.xml").stdout
    assert "conv/fq_input_0" in layers and "preset: performance" in layers
    assert "convolution u8s8 exact" in invoke("inspect", "int8.xml", "--plan").stdout
    assert json.loads(invoke("inspect", "int8.xml", "--json").stdout)["types"]["FakeQuantize"] == 2


def test_convert_to_openvino_and_back(quantized: Path) -> None:
    """A quantized model comes back with its names, its information and its results, and can be looked at in
    either format.
    """
    assert invoke("convert", "int8.xml", "vendor.xml", "--to", "openvino").exit_code == 0
    assert "<net " in Path("vendor.xml").read_text()
    assert invoke("convert", "vendor.xml", "again.xml", "--to", "numpot").exit_code == 0
    x = np.load("data.npz")["x"]
    original, vendor, again = (read_model(f"{name}.xml") for name in ("int8", "vendor", "again"))
    for graph in (vendor, again):
        assert graph.info == original.info
        np.testing.assert_array_equal(Executor(graph).run(x)["logits"], Executor(original).run(x)["logits"])
    assert "int8.xml: sound, 13 layers" in invoke("check", "int8.xml").stdout
    assert "vendor.xml: sound, 13 layers" in invoke("check", "vendor.xml").stdout
    layers = json.loads(invoke("inspect", "vendor.xml", "--json").stdout)
    assert layers["info"]["quantization"]["parameters"]["preset"] == "performance"
    assert invoke("inspect", "vendor.xml", "--plan").exit_code == 0


def test_quantize_from_and_to_openvino(folder: Path) -> None:
    assert invoke("convert", "model.xml", "vendor.xml", "--to", "openvino").exit_code == 0
    for model, to in (("model.xml", "numpot"), ("vendor.xml", "openvino")):
        assert invoke("quantize", model, "--data", "bare.npz", "-o", f"{to}.xml", "--to", to).exit_code == 0
    x = np.load("data.npz")["x"]
    ours, vendor = (Executor(read_model(f"{name}.xml")).run(x)["logits"] for name in ("numpot", "openvino"))
    np.testing.assert_array_equal(ours, vendor)


def test_convert_keeps_names_and_results(folder: Path) -> None:
    onnx = pytest.importorskip("onnx")
    ort = pytest.importorskip("onnxruntime")
    rng = np.random.default_rng(1)
    make = onnx.helper.make_tensor_value_info
    w = onnx.numpy_helper.from_array(rng.normal(size=(4, 3, 3, 3)).astype(np.float32), "w")
    node = onnx.helper.make_node("Conv", ["x", "w"], ["y"], name="stem", pads=[1, 1, 1, 1])
    graph = onnx.helper.make_graph(
        [node], "g", [make("x", 1, ["N", 3, 8, 8])], [make("y", 1, ["N", 4, 8, 8])], [w]
    )
    onnx.save(
        onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9),
        "conv.onnx",
    )
    assert (
        invoke("convert", "conv.onnx", "conv.xml", "--mean", "0.5", "--std", "0.25,0.25,0.5").exit_code == 0
    )
    model = read_model("conv.xml")
    assert "stem" in model.nodes and model.info["preprocessing"] == {"mean": [0.5], "std": [0.25, 0.25, 0.5]}
    from numpot.ir import Executor

    x = rng.normal(size=(2, 3, 8, 8)).astype(np.float32)
    expected = Executor(model).run(x)["y"]
    np.testing.assert_allclose(
        expected, ort.InferenceSession("conv.onnx").run(None, {"x": x})[0], rtol=1e-5, atol=1e-5
    )
    assert invoke("convert", "conv.xml", "back.onnx").exit_code == 0
    np.testing.assert_allclose(
        expected, ort.InferenceSession("back.onnx").run(None, {"x": x})[0], rtol=1e-5, atol=1e-5
    )
    assert read_model("back.onnx").info == model.info


def test_quantize_can_write_onnx(folder: Path) -> None:
    onnx = pytest.importorskip("onnx")
    assert invoke("quantize", "model.xml", "--data", "bare.npz", "-o", "int8.onnx").exit_code == 0
    assert {"QuantizeLinear", "DequantizeLinear"} <= {n.op_type for n in onnx.load("int8.onnx").graph.node}


# ---- how it fails ------------------------------------------------------------------------------------------


def fails(outcome: Outcome, *words: str) -> None:
    assert outcome.exit_code == 2
    assert outcome.stderr.startswith("numpot: ") and outcome.stderr.count("\n") == 1, outcome.stderr
    assert "Traceback" not in outcome.stderr and outcome.stdout == ""
    for word in words:
        assert word in outcome.stderr, outcome.stderr


def test_unknown_format(folder: Path) -> None:
    fails(
        invoke("convert", "model.xml", "m.xml", "--to", "torch"),
        "m.xml: format must be one of numpot, openvino",
    )


def test_missing_model(folder: Path) -> None:
    fails(invoke("check", "nothing.xml"), "nothing.xml", "No such file")


def test_truncated_weights(folder: Path) -> None:
    Path("model.bin").write_bytes(Path("model.bin").read_bytes()[:-64])
    fails(invoke("evaluate", "model.xml", "--data", "data.npz"), "model.bin")


def test_missing_data(folder: Path) -> None:
    fails(
        invoke("quantize", "model.xml", "--data", "nothing.npz", "-o", "int8.xml"),
        "nothing.npz",
        "no such file",
    )


def test_data_of_the_wrong_shape(folder: Path) -> None:
    np.savez("wrong.npz", x=np.zeros((5, 2, 7, 6), np.float32))
    fails(
        invoke("quantize", "model.xml", "--data", "wrong.npz", "-o", "int8.xml"),
        "wrong.npz",
        "[2, 6, 6]",
        "[2, 7, 6]",
    )


def test_empty_data(folder: Path) -> None:
    np.savez("empty.npz", x=np.zeros((0, 2, 6, 6), np.float32))
    fails(
        invoke("quantize", "model.xml", "--data", "empty.npz", "-o", "int8.xml"),
        "empty.npz",
        "at least one sample",
    )


def test_nan_in_a_sample_is_named_by_index_and_nothing_is_written(folder: Path) -> None:
    data = np.zeros((20, 2, 6, 6), np.float32)
    data[17, 0, 0, 0] = np.nan
    np.savez("nan.npz", x=data)
    fails(
        invoke("quantize", "model.xml", "--data", "nan.npz", "-o", "int8.xml", "--json"),
        "nan.npz: sample 17",
        "'x'",
        "NaN",
    )
    assert not Path("int8.xml").exists() and not Path("int8.bin").exists()


def test_nan_in_weights_is_named_by_tensor(folder: Path) -> None:
    graph = read_model("model.xml")
    node = graph.nodes["head"]
    bad = node.inputs[1].constant.copy()  # type: ignore[union-attr]
    bad[0, 0] = np.nan
    graph.set_input(node, 1, graph.constant(bad, "broken"))
    graph.prune()
    save_model(graph, "nan.xml")
    fails(invoke("quantize", "nan.xml", "--data", "bare.npz", "-o", "int8.xml"), "'broken'", "NaN")
    assert "warning: constant 'broken' holds NaN" in invoke("check", "nan.xml").stdout


def test_labels_missing(folder: Path) -> None:
    fails(invoke("evaluate", "model.xml", "--data", "bare.npz"), "accuracy@1 needs labels", "'y'")


def test_quantizing_twice(quantized: Path) -> None:
    fails(
        invoke("quantize", "int8.xml", "--data", "bare.npz", "-o", "twice.xml"),
        "already quantized",
        "FakeQuantize",
    )


def test_saturation_of_a_float_model(folder: Path) -> None:
    fails(invoke("saturation", "model.xml", "--data", "bare.npz"), "no integer layer")


def test_unknown_metric(folder: Path) -> None:
    fails(
        invoke("evaluate", "model.xml", "--data", "data.npz", "--metric", "acuracy@1"),
        "acuracy@1",
        "accuracy@1",
    )


def test_unknown_layer_to_ignore(folder: Path) -> None:
    fails(
        invoke("quantize", "model.xml", "--data", "bare.npz", "-o", "int8.xml", "--ignore", "cnov"),
        "no layer 'cnov'",
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["bit=4"], "weights: 'bit' is not known. Did you mean 'bits'?"),
        (
            ["bits"],
            "--weights must look like bits=4 or range_estimator.max.type=quantile; in 'bits' found no value",
        ),
        (
            ["bits=4", "bits=5"],
            "--weights must look like bits=4 or range_estimator.max.type=quantile; in 'bits=5' 'bits' "
            "is given twice",
        ),
        (["bits=4", "bits.x=5"], "--weights 'bits.x=5': 'bits' has a value already"),
        (
            ["mode=symetric"],
            "weights.mode must be one of symmetric, asymmetric, found 'symetric'. Did you mean 'symmetric'?",
        ),
    ],
)
def test_settings_that_make_no_sense(folder: Path, settings: list[str], message: str) -> None:
    options = [part for setting in settings for part in ("--weights", setting)]
    outcome = invoke("quantize", "model.xml", "--data", "bare.npz", "-o", "int8.xml", *options)
    assert outcome.exit_code == 2 and outcome.stderr == f"numpot: {message}\n"


def test_output_that_cannot_be_written_is_known_before_the_work(folder: Path) -> None:
    fails(
        invoke("quantize", "model.xml", "--data", "bare.npz", "-o", "no/such/folder/int8.xml"),
        "no/such/folder",
    )
    fails(invoke("quantize", "model.xml", "--data", "bare.npz", "-o", "int8.bin"), "int8.bin", ".xml")


def test_mean_without_std(folder: Path) -> None:
    fails(
        invoke("evaluate", "model.xml", "--data", "data.npz", "--mean", "0.5"), "--mean and --std go together"
    )


def test_debug_shows_where_an_error_comes_from(folder: Path) -> None:
    outcome = invoke("check", "nothing.xml", "--debug")
    assert outcome.exit_code == 2 and "Traceback" in outcome.stderr and "nothing.xml" in outcome.stderr


# ---- as a process ------------------------------------------------------------------------------------------


def test_json_is_all_there_is_on_stdout(quantized: Path) -> None:
    process = subprocess.run(
        [sys.executable, "-m", "numpot.quant.cli", "evaluate", "int8.xml", "--data", "data.npz", "--json"],
        capture_output=True,
        text=True,
    )
    assert (
        process.returncode == 0 and json.loads(process.stdout)["samples"] == SAMPLES and process.stderr == ""
    )


def test_help_imports_nothing_heavy() -> None:
    heavy = {"numba", "lxml", "PIL", "pydantic", "onnx", "matplotlib"}
    code = "import sys, numpot.quant.cli; print(*{m.partition('.')[0] for m in sys.modules})"
    loaded = set(
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.split()
    )
    assert not loaded & heavy


@pytest.mark.skipif(os.name == "nt", reason="sends a POSIX signal")
def test_interrupt_leaves_no_half_written_file(folder: Path) -> None:
    np.savez("large.npz", x=np.zeros((20000, 2, 6, 6), np.float32))
    command = [
        sys.executable,
        "-m",
        "numpot.quant.cli",
        "quantize",
        "model.xml",
        "--data",
        "large.npz",
        "-o",
        "int8.xml",
    ]
    process = subprocess.Popen(
        [*command, "--subset-size", "20000"],
        stderr=subprocess.PIPE,
        text=True,
        # a shell makes what it runs in the background deaf
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert process.stderr is not None
    process.stderr.readline()  # the first 10 % are done: it is in the middle of the work
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=600)  # only so that a run that is deaf does not stop the suite
    assert process.returncode == 130 and "interrupted; nothing was written" in said
    assert sorted(p.name for p in folder.iterdir()) == [
        "bare.npz",
        "data.npz",
        "large.npz",
        "model.bin",
        "model.xml",
    ]


def test_version_is_that_of_the_package() -> None:
    from importlib.metadata import version

    import numpot.quant

    outcome = invoke("--version")
    assert (outcome.exit_code, outcome.stdout) == (0, f"numpot {version('numpot')}\n")
    assert numpot.quant.__version__ == version("numpot")


def test_version_comes_before_everything_else() -> None:
    """Whatever stands beside it, as with any tool; and nothing of it runs."""
    for words in (
        ["--version", "quantize"],
        ["--version", "--memory", "4GiB"],
        ["--memory", "1GiB", "--version"],
    ):
        outcome = invoke(*words)
        assert outcome.exit_code == 0 and outcome.stdout.startswith("numpot "), words
