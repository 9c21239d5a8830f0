"""numpot convert and numpot check: from every format into every format, and what cannot be converted."""

import re
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from numpot.ir import read_model, save_model
from numpot.ir.executor.executor import Executor
from numpot.ir.graph import Graph
from numpot.ir.lowering.lower import for_arithmetic, integer_layers

from ...ir.int8_networks import network, samples
from ...networks import Network
from .command_line import invoke

onnx = pytest.importorskip("onnx")

FILES = {"numpot": "model.xml", "openvino": "vendor.xml", "onnx": "model.onnx"}


def int8() -> Graph:
    graph = network("residual_depthwise", "misaligned")
    graph.prune()
    return graph


def float32() -> Graph:
    net = Network()
    y = net.relu6(net.depthwise(net.relu(net.conv(net.input(-1, 8, 7, 7), 8, 3, name="stem"))))
    return net.result(net.matmul(net.mean(net.do("LeakyReLU", y, alpha=0.1)), 5, name="head"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both models in every format."""
    folder = tmp_path_factory.mktemp("formats")
    for model, (to, file) in product((int8, float32), FILES.items()):
        (folder / model.__name__).mkdir(exist_ok=True)
        save_model(model(), folder / model.__name__ / file, to)
    return folder


@pytest.mark.parametrize("model", [int8, float32], ids=lambda m: m.__name__)
@pytest.mark.parametrize(("source", "to"), list(product(FILES, FILES)))
def test_every_direction_keeps_every_bit(source: str, to: str, model, folder: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path, expected, x = tmp_path / FILES[to], model(), samples("residual_depthwise")
    outcome = invoke("convert", folder / model.__name__ / FILES[source], path, "--to", to)
    assert outcome.exit_code == 0, outcome.output
    assert re.fullmatch(rf"{re.escape(str(path))}: \d+ layers\n", outcome.stdout)
    assert re.match(rf"{re.escape(str(path))}: sound, \d+ layers", invoke("check", path).stdout)
    graph = read_model(path)
    assert list(integer_layers(graph).values()) == list(integer_layers(expected).values())
    np.testing.assert_array_equal(Executor(graph).run(x)["y"], Executor(expected).run(x)["y"])


# ---- what cannot be converted ------------------------------------------------------------------------------


def test_a_lowered_model_is_nothing_for_openvino(tmp_path: Path) -> None:
    save_model(for_arithmetic(int8(), "exact"), tmp_path / "lowered.xml")
    outcome = invoke("convert", tmp_path / "lowered.xml", tmp_path / "vendor.xml", "--to", "openvino")
    assert outcome.exit_code == 2 and outcome.stderr.count("\n") == 1
    assert (
        "OpenVINO has no such operator" in outcome.stderr
        and "before its layers were lowered" in outcome.stderr
    ), outcome.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == ["lowered.bin", "lowered.xml"]


@pytest.mark.parametrize("given", ["x", "x=1,a", "=", "x=", "1,3,224,224"])
def test_an_input_shape_that_is_none(given: str, folder: Path, tmp_path: Path) -> None:
    outcome = invoke("convert", folder / "int8" / "model.onnx", tmp_path / "m.xml", "--input-shape", given)
    assert outcome.exit_code == 2
    assert outcome.stderr == f"numpot: --input-shape must look like x=1,3,224,224, found {given!r}\n"


@pytest.mark.parametrize("source", FILES)
def test_an_input_shape_for_an_input_that_is_not_there(source: str, folder: Path, tmp_path: Path) -> None:
    outcome = invoke(
        "convert", folder / "float32" / FILES[source], tmp_path / "m.xml", "--input-shape", "xx=1,8,7,7"
    )
    assert outcome.exit_code == 2 and "there is no input 'xx' to give a shape to" in outcome.stderr, (
        outcome.output
    )


@pytest.mark.parametrize("source", FILES)
def test_an_input_shape_closes_the_batch(source: str, folder: Path, tmp_path: Path) -> None:
    outcome = invoke(
        "convert", folder / "float32" / FILES[source], tmp_path / "m.xml", "--input-shape", "x=2,8,7,7"
    )
    assert outcome.exit_code == 0, outcome.output
    assert read_model(tmp_path / "m.xml").inputs[0].output.shape == (2, 8, 7, 7)


@pytest.mark.parametrize("source", FILES)
def test_an_input_shape_that_no_layer_can_take(source: str, folder: Path, tmp_path: Path) -> None:
    """One of another rank; one of other channels than the weights have."""
    for shape, word in (("8,7,7", "[8, 7, 7]"), ("1,9,7,7", "9")):
        outcome = invoke(
            "convert", folder / "float32" / FILES[source], tmp_path / "m.xml", "--input-shape", f"x={shape}"
        )
        assert outcome.exit_code == 2 and outcome.stderr.count("\n") == 1 and word in outcome.stderr, (
            outcome.output
        )


def test_a_file_that_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "notes.xml").write_text("dear diary")
    for command in (("check",), ("convert", "m.xml")):
        outcome = invoke(command[0], tmp_path / "notes.xml", *(tmp_path / c for c in command[1:]))
        assert outcome.exit_code == 2
        assert "notes.xml: not a model that numpot knows" in outcome.stderr and "ONNX" in outcome.stderr
