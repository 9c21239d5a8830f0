"""numpot finetune: what it prints, writes and refuses."""

import json
from pathlib import Path

import numpy as np
import pytest

from numpot.ir import read_model, save_model
from numpot.quant import quantize
from tests.networks import Network
from tests.quant.cli.command_line import invoke
from tests.quant.data.array_data import ArrayData, normal

SAMPLES = 24


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """fp32.xml, int8.xml, bare.npz without labels and data.npz with."""
    monkeypatch.chdir(tmp_path)
    net = Network(seed=1)
    graph = net.result(
        net.matmul(net.mean(net.relu(net.conv(net.input(-1, 2, 6, 6), 4, 3, name="conv"))), 3, name="head")
    )
    x = normal(SAMPLES, 2, 6, 6)
    save_model(graph, "fp32.xml")
    save_model(quantize(graph, ArrayData(x), weights={"bits": 3}), "int8.xml")
    np.savez("bare.npz", x=x)
    np.savez("data.npz", x=x, y=np.arange(SAMPLES) % 3)
    return tmp_path


def test_from_a_teacher_to_a_file(folder: Path) -> None:
    outcome = invoke(
        "finetune",
        "int8.xml",
        "--data",
        "bare.npz",
        "--teacher",
        "fp32.xml",
        "-o",
        "tuned.xml",
        "--epochs",
        3,
    )
    assert outcome.exit_code == 0, outcome.stderr
    assert (
        "trained the weights of 2 layers on integers and 0 in float, and 2 biases, on 24 samples"
        in outcome.stdout
        and "Not validated" in outcome.stdout
    )
    assert "fine-tuning: 100 % (72 of 72)" in outcome.stderr
    old, new = read_model("int8.xml"), read_model("tuned.xml")
    assert list(old.nodes) == list(new.nodes) and new.info["finetuning"]["epochs"] == 3  # type: ignore[index]


def test_json_and_validation(folder: Path) -> None:
    options = [
        "--validation",
        "data.npz",
        "--metric",
        "accuracy@1",
        "--epochs",
        2,
        "--batch-size",
        8,
        "--learning-rate",
        0.01,
        "--seed",
        3,
    ]
    options += ["--limit", 20]
    outcome = invoke("finetune", "int8.xml", "--data", "data.npz", "-o", "tuned.xml", *options, "--json")
    report = json.loads(outcome.stdout)
    assert outcome.stderr == "" and report.pop("output") == "tuned.xml" and report.pop("seconds") > 0
    assert report == read_model("tuned.xml").info["finetuning"]
    assert (
        report["loss"] == "cross_entropy"
        and report["seed"] == 3
        and report["samples"] == 20
        and report["after"] >= report["before"]
    )
    assert [e["epoch"] for e in report["history"]] == [1, 2] and "accuracy@1" in report["history"][0]
    assert report["trained"] == {"int8_weights": 2, "float_weights": 0, "biases": 2}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fp32.xml", "--data", "data.npz"], "model 'network' is not quantized"),
        (
            ["int8.xml", "--data", "bare.npz"],
            "labels: loss cross_entropy needs labels, and bare.npz has no array 'y'",
        ),
        (["int8.xml", "--data", "data.npz", "--metric", "f1"], "validation data and a metric go together"),
        (["int8.xml", "--data", "data.npz", "--metric", "acuracy@1"], "metric 'acuracy@1' is not known"),
        (
            ["int8.xml", "--data", "data.npz", "--learning-rate", "0"],
            "learning_rate must be above 0, found 0.0",
        ),
        (["int8.xml", "--data", "nothing.npz"], "nothing.npz: no such file"),
    ],
)
def test_refusals(folder: Path, arguments: list[str], message: str) -> None:
    outcome = invoke("finetune", *arguments, "-o", "tuned.xml")
    assert outcome.exit_code == 2 and outcome.stdout == ""
    assert (
        outcome.stderr.startswith("numpot: ")
        and outcome.stderr.count("\n") == 1
        and message in outcome.stderr
    )
    assert not Path("tuned.xml").exists()


def test_the_model_is_not_replaced(folder: Path) -> None:
    before = Path("int8.xml").read_bytes()
    outcome = invoke("finetune", "int8.xml", "--data", "data.npz", "-o", "./int8.xml")
    assert outcome.exit_code == 2 and "would replace 'int8.xml', which is read" in outcome.stderr
    assert Path("int8.xml").read_bytes() == before


def test_output_that_cannot_be_written_is_known_before_the_work(folder: Path) -> None:
    outcome = invoke("finetune", "int8.xml", "--data", "data.npz", "-o", "no/such/folder/tuned.xml")
    assert outcome.exit_code == 2 and "no/such/folder" in outcome.stderr
