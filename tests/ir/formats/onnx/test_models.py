"""Whole models, as PyTorch exported them, against onnxruntime: as read and as simplified."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from numpot.ir.formats.onnx import load_onnx, read_onnx
from numpot.ir.interpreter import Interpreter

from .models import assert_close, check, run_onnxruntime

MATERIAL = Path(__file__).parents[5] / "shared" / "material"
NAMES = [
    "digits_cnn",
    "digits_cnn_bn",
    "digits_mlp",
    "fmnist_mobilenet",
    "fmnist_mobilenet_bn",
    "fmnist_mobilenet_hard",
    "fmnist_resnet",
    "fmnist_resnet_bn",
    "efficientnet_lite0",
]

pytestmark = pytest.mark.skipif(not MATERIAL.is_dir(), reason="the models of shared/material are not here")


def model(name: str) -> bytes:
    return (MATERIAL / name.removesuffix("_bn") / f"{name}.onnx").read_bytes()


def picture(graph_input: tuple[int, ...], batch: int) -> np.ndarray:
    return np.random.default_rng(batch).normal(size=(batch, *graph_input[1:])).astype(np.float32)


@pytest.mark.parametrize("name", NAMES)
def test_outputs_are_onnxruntimes_at_any_batch_size(name: str) -> None:
    blob = model(name)
    raw, simplified = read_onnx(blob), load_onnx(blob)
    (parameter,) = raw.inputs
    assert parameter.output.shape[0] == -1
    for batch in (1, 3) if name != "efficientnet_lite0" else (1,):
        feeds = {parameter.name: picture(parameter.output.shape, batch)}
        expected = run_onnxruntime(blob, feeds)
        assert_close(Interpreter(raw).run(feeds), expected)
        assert_close(Interpreter(simplified).run(feeds), expected)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_but_the_network_remains(name: str) -> None:
    layers = {"Convolution", "Add", "ReLU", "Clamp", "MaxPool", "ReduceMean", "Flatten", "Reshape", "MatMul"}
    graph = load_onnx(model(name))
    types = Counter(n.type for n in graph)
    assert set(types) <= layers | {"Parameter", "Constant", "Result"}
    assert types["Flatten"] + types["Reshape"] == 1


@pytest.mark.parametrize("name", ["digits_cnn", "fmnist_mobilenet", "fmnist_resnet"])
def test_folding_batch_norm_gives_the_graph_that_its_exporter_folded(name: str) -> None:
    """The same layers with the same names; weights that differ by rounding."""
    folded, ours = load_onnx(model(name)), load_onnx(model(name + "_bn"))
    layers = {n.name: n for n in folded if n.type != "Constant"}
    assert {n.name: n.type for n in ours if n.type != "Constant"} == {
        name: n.type for name, n in layers.items()
    }
    for node in ours.of_type("Convolution", "Add"):
        for mine, theirs in zip(node.inputs, layers[node.name].inputs, strict=True):
            assert (mine.constant is None) == (theirs.constant is None)
            if mine.constant is not None and theirs.constant is not None:
                np.testing.assert_allclose(mine.constant, theirs.constant, rtol=1e-4, atol=1e-5)


def test_a_fixed_batch_can_be_asked_for() -> None:
    blob = model("digits_cnn")
    graph = check(blob, {"x": picture((1, 1, 8, 8), 4)}, input_shapes={"x": (4, 1, 8, 8)})
    assert graph.inputs[0].output.shape == (4, 1, 8, 8)
