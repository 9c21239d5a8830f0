"""What a command line or a call can be told: no number, name or file of samples starts what would never end,
or ends in a traceback.
"""

import json
import math
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from numpot.ir.errors import NumpotError
from numpot.ir.formats.model_files import save_model
from numpot.quant.cli.common import print_json, read_numbers, read_settings
from numpot.quant.data.sources import as_labels, open_data
from numpot.quant.default_quantization import quantize
from numpot.quant.errors import DataError, QuantizationError
from numpot.quant.metrics.names import parse_metric
from numpot.quant.parallel.dask_pool import ClusterError, open_pool
from numpot.quant.pot.config import read_config

from ...networks import Network
from ..data.array_data import ArrayData, normal
from .command_line import invoke

X = normal(6, 3, 4, 4)


def network():
    net = Network(seed=0)
    return net.result(net.matmul(net.mean(net.relu(net.conv(net.input(-1, 3, 4, 4), 4))), 3))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    save_model(network(), "m.xml")
    np.savez("d.npz", x=X, y=np.arange(6) % 3)
    return tmp_path


# ---- options -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"stat_subset_size": "3"}, "stat_subset_size must be a whole number, found '3'"),
        ({"stat_subset_size": 3.0}, "stat_subset_size must be a whole number, found 3.0"),
        ({"stat_subset_size": True}, "stat_subset_size must be a whole number, found True"),
        ({"seed": 2**70}, f"seed must be a whole number of at most 63 bits, found {2**70}"),
        ({"seed": -1}, "seed must be at least 0, found -1"),
        ({"threshold": "3"}, "threshold must be a number, found '3'"),
        ({"threshold": math.inf}, "threshold must be a finite number, found inf"),
        ({"threshold": math.nan}, "threshold must be a finite number, found nan"),
        ({"shuffle_data": "no"}, "shuffle_data must be True or False, found 'no'"),
        ({"ignored_scope": "conv"}, "ignored_scope must be a list, found 'conv'"),
        ({"ignored_scope": [1]}, "ignored_scope[0] must be text, found 1"),
        ({"ignored_operations": ["Add"]}, "ignored_operations[0] must be a dictionary, found 'Add'"),
        ({"preset": 3}, "preset must be one of performance, mixed, accuracy, best, found 3"),
        ({"preset": []}, "preset must be one of performance, mixed, accuracy, best, found []"),
        ({"weights": {"bits": [[]]}}, "weights.bits must be a whole number, found [[]]"),
        ({"weights": 0}, "weights must be a dictionary, found 0"),
        (
            {"activations": {"level_low": 0, "level_high": 1}},
            "activations: level_low 0 to level_high 1 are 2 levels; expected 3",
        ),
        (
            {"range_estimator": {"max": {"clipping_value": math.inf}}},
            "range_estimator.max.clipping_value must be a finite number, found inf",
        ),
        ({"statistics_cache": 3}, "statistics_cache must be the path of a folder, found 3"),
        ({"pool": "two"}, "pool must be one of distributed.open_pool, found 'two'"),
        ({"progress": 2}, "progress must be True or False, found 2"),
    ],
)
def test_options_of_the_wrong_kind(options: dict[str, Any], message: str) -> None:
    with pytest.raises(QuantizationError) as caught:
        quantize(network(), ArrayData(X), **options)
    assert str(caught.value).startswith(message)


def test_numbers_of_numpy_and_none_for_an_empty_list_are_what_they_stand_for() -> None:
    options: dict[str, Any] = {
        "stat_subset_size": np.int64(4),
        "seed": np.uint8(1),
        "ignored_scope": None,
        "shuffle_data": np.bool_(True),
    }
    made, plain = (
        quantize(network(), ArrayData(X), **o)
        for o in (options, {"stat_subset_size": 4, "seed": 1, "shuffle_data": True})
    )
    assert made.info == plain.info and made.of_type("FakeQuantize")


@pytest.mark.parametrize(
    "wrong", [(b"m.xml", ArrayData(X)), (3, ArrayData(X)), (network(), X), (network(), None)]
)
def test_a_model_and_samples_of_the_wrong_kind(wrong: tuple[Any, Any]) -> None:
    with pytest.raises(NumpotError, match="must be a (Graph|DataLoader)"):
        quantize(*wrong)


# ---- the command line --------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["1e30", "100000", "0", "-1", "١", "1_0", "9" * 5000, "", "1,,2"])
def test_numbers_on_the_command_line(text: str) -> None:
    with pytest.raises(
        NumpotError, match="--threads must be a number from 1 to 1024, or several separated by commas"
    ):
        read_numbers("--threads", text, 1024)
    assert read_numbers("--threads", "1,1024", 1024) == [1, 1024]


@pytest.mark.parametrize(
    "arguments",
    [
        ["evaluate", "m.xml", "--data", "d.npz", "--metric", "accuracy@" + "9" * 5000],
        ["quantize", "m.xml", "--data", "d.npz", "-o", "o.xml", "--weights", "bits=" + "[" * 5000],
        ["quantize", "m.xml", "--data", "d.npz", "-o", "o.xml", "--weights", "bits=" + "9" * 5000],
        [
            "quantize",
            "m.xml",
            "--data",
            "d.npz",
            "-o",
            "o.xml",
            "--activations",
            "level_low=0",
            "--activations",
            "level_high=1",
        ],
        ["benchmark", "m.xml", "--batch", "1e29"],
        ["benchmark", "m.xml", "--threads", "100000"],
        ["check", "a\nb.xml"],
        ["check", "m" * 5000],
        ["evaluate", "m.xml", "--data", "d" * 5000],
        ["--memory", "much", "check", "m.xml"],
        ["--memory", "1KiB", "evaluate", "m.xml", "--data", "d.npz"],
    ],
)
def test_an_error_is_one_sentence_and_status_2(
    folder: Path, arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUMPOT_MEMORY", "")
    outcome = invoke(*arguments)
    assert outcome.exit_code == 2 and outcome.stdout == "" and not (folder / "o.xml").exists()
    assert (
        outcome.stderr.startswith("numpot: ")
        and outcome.stderr.count("\n") == 1
        and len(outcome.stderr) < 3000
    )


def test_settings_that_are_not_json_are_text() -> None:
    assert read_settings("--weights", ["a=[[", "b=4", "c.d=x"]) == {"a": "[[", "b": 4, "c": {"d": "x"}}


def test_json_has_no_nan_and_no_infinity(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"a": math.nan, "b": [math.inf, (-math.inf, 1.5)], "c": {"d": None}})
    found = json.loads(capsys.readouterr().out, parse_constant=lambda word: pytest.fail(word))
    assert found == {"a": "NaN", "b": ["Infinity", ["-Infinity", 1.5]], "c": {"d": None}}
    assert math.isnan(float(found["a"])) and float(found["b"][1][0]) == -math.inf


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is always full")
def test_stdout_that_cannot_be_written(folder: Path) -> None:
    command = [sys.executable, "-m", "numpot.quant.cli", "check", "m.xml"]
    with Path("/dev/full").open("w") as full:
        found = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert (
        found.returncode == 2
        and found.stderr == "numpot: stdout: cannot be written (No space left on device)\n"
    )
    reader, writer = os.pipe()
    os.close(reader)
    closed = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert closed.returncode == 141 and closed.stderr == ""


def test_characters_that_a_terminal_does_not_have(folder: Path) -> None:
    net = Network(seed=0)
    save_model(net.result(net.relu(net.input(-1, 3, name="é→"))), "é.xml")
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "numpot.quant.cli", "inspect", "é.xml"]
    found = subprocess.run(command, env=environment, capture_output=True)
    assert found.returncode == 0 and b"Traceback" not in found.stderr and b"\\u2192" in found.stdout


# ---- files -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["[1]", "[" * 100_000, '{"a": ' + "1" * 5000 + "}", "/*" * 100_000, "null", '"' * 99_999]
)
def test_configurations_that_are_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "c.json").write_text(text)
    with pytest.raises(QuantizationError, match=r"c\.json.*expected"):
        read_config(tmp_path / "c.json")


def test_an_npz_that_unpacks_to_far_too_much(tmp_path: Path) -> None:
    with (
        zipfile.ZipFile(tmp_path / "d.npz", "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("x.npy", "w") as member,
    ):
        np.lib.format.write_array_header_1_0(
            member, {"descr": "|u1", "fortran_order": False, "shape": (10, 3, 3 * 2**12, 2**10)}
        )
        for _ in range(90):
            member.write(bytes(2**22))
    with pytest.raises(DataError, match=r"array 'x' unpacks to 360 MiB, \d+ times what is stored"):
        open_data(str(tmp_path / "d.npz"), network())


@pytest.mark.parametrize(
    "header",
    [
        b"{'descr': '<f4', 'fortran_order': False, 'shape': (",
        b"{1: []}",
        b"{'descr': (), 'shape': 3}",
        b"(((",
    ],
)
def test_headers_that_are_damaged(tmp_path: Path, header: bytes) -> None:
    for version in (b"\x01\x00", b"\x02\x00"):
        length = len(header).to_bytes(2 if version[0] == 1 else 4, "little")
        with zipfile.ZipFile(tmp_path / "d.npz", "w") as archive:
            archive.writestr("x.npy", b"\x93NUMPY" + version + length + header + bytes(64))
        with pytest.raises(DataError, match=r"cannot be read as an \.npz file"):
            open_data(str(tmp_path / "d.npz"), network())


@pytest.mark.parametrize("label", ["9" * 5000, str(2**63), "١", "-1", "x"])
def test_labels_that_are_no_numbers_of_classes(tmp_path: Path, label: str) -> None:
    from PIL import Image

    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    (tmp_path / "labels.txt").write_text(f"a.png {label}\n", "utf-8")
    with pytest.raises(DataError, match=r"labels\.txt:1: expected a file and an integer label"):
        open_data(str(tmp_path), network())


def test_labels_of_too_many_bits() -> None:
    with pytest.raises(DataError, match="a label must be a whole number of at most 63 bits; one has 64"):
        as_labels([1, 2**63])


@pytest.mark.parametrize("name", ["accuracy@" + "9" * 5000, "accuracy@٣", "accuracy@"])
def test_accuracies_that_are_none(name: str) -> None:
    with pytest.raises(DataError, match="is not known"):
        parse_metric(name)


# ---- clusters ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address", ["nonsense", "tcp://127.0.0.1:1", "tcp://127.0.0.1:99999", "tcp://[::1", "tcp://a b:1", "é"]
)
def test_a_scheduler_that_is_not_there_is_told_at_once(address: str) -> None:
    pytest.importorskip("distributed")
    with pytest.raises(ClusterError, match="cannot be reached"), open_pool(scheduler=address):
        pass


@pytest.mark.parametrize("workers", [0, -1, 10**6, True, 1.5, "2"])
def test_numbers_of_workers(workers: Any) -> None:
    with (
        pytest.raises(ClusterError, match="workers must be a whole number from 1 to 1024"),
        open_pool(workers=workers),
    ):
        pass


def test_workers_that_do_not_start_are_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    distributed = pytest.importorskip("distributed")

    def start(*_: object, **__: object) -> None:
        raise RuntimeError("Nanny failed to start.\nand eighty lines")

    monkeypatch.setattr(distributed, "LocalCluster", start)
    with pytest.raises(ClusterError) as caught, open_pool(workers=2):
        pass
    assert (
        str(caught.value)
        == "2 local workers could not be started (Nanny failed to start.). Run the same command again"
    )
