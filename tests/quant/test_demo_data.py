"""The files in quant/demo: what they hold, that they belong together, and that the example script
makes them.
"""

import gzip
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from numpot.ir import Executor, Interpreter
from numpot.quant import Accuracy, demo, evaluate
from numpot.quant.data.preprocessing import Preprocessing
from numpot.quant.data.sources import batches

REPOSITORY = Path(__file__).parents[2]
MATERIAL = REPOSITORY.parent / "shared" / "material"
ONNX = MATERIAL / "fmnist_mobilenet" / "fmnist_mobilenet.onnx"
FILES = [demo.MODEL, demo.MODEL.with_suffix(".bin"), demo.CALIBRATION, demo.TEST]

needs_material = pytest.mark.skipif(
    not MATERIAL.is_dir(), reason="the models of shared/material are not here"
)


@pytest.fixture(scope="module")
def loaded():
    return demo.load()


# ---- pictures ----------------------------------------------------------------------------------------------


def test_the_package_stays_small():
    assert sum(path.stat().st_size for path in FILES) < 4_000_000


def test_calibration_data_are_300_pictures_without_labels(loaded):
    with np.load(demo.CALIBRATION) as arrays:
        assert arrays.files == ["x"]
        assert (arrays["x"].dtype, arrays["x"].shape) == (np.uint8, (300, 28, 28))
    _, calibration, _ = loaded
    assert len(calibration) == 300 and calibration[299][1] is None


def test_test_data_are_2000_pictures_with_labels_of_ten_classes(loaded):
    with np.load(demo.TEST) as arrays:
        assert sorted(arrays.files) == ["x", "y"]
        assert (arrays["x"].dtype, arrays["x"].shape) == (np.uint8, (2000, 28, 28))
        assert (arrays["y"].dtype, arrays["y"].shape) == (np.uint8, (2000,))
        assert np.unique(arrays["y"]).tolist() == list(range(10))
    assert len(loaded[2]) == 2000


def test_no_picture_is_used_for_both():
    calibration, test = np.load(demo.CALIBRATION)["x"], np.load(demo.TEST)["x"]
    assert not {p.tobytes() for p in calibration} & {p.tobytes() for p in test}


def test_pixels_become_floats_as_the_model_was_trained(loaded):
    graph, _, test = loaded
    assert Preprocessing.recorded(graph) == Preprocessing((0.2860,), (0.3530,))
    inputs, label = test[7]
    with np.load(demo.TEST) as arrays:
        expected, y = (arrays["x"][7] / 255 - 0.2860) / 0.3530, arrays["y"][7]
    assert inputs["x"].dtype == np.float32 and label == y
    np.testing.assert_allclose(inputs["x"][0], expected, rtol=1e-6, atol=1e-6)


# ---- model -------------------------------------------------------------------------------------------------


def test_the_model_is_a_mobilenet(loaded):
    """Every operator that makes quantizing a MobileNetV2 interesting is there, where it belongs."""
    graph, _, _ = loaded
    (x,), (y,) = graph.inputs, graph.outputs
    assert (x.name, x.output.shape, y.name, y.inputs[0].shape) == ("x", (-1, 1, 28, 28), "logits", (-1, 10))

    convolutions = graph.of_type("Convolution")
    depthwise = [n for n in convolutions if n.op.groups == n.inputs[0].shape[1] > 1]
    residuals = [n for n in graph.of_type("Add") if all(t.constant is None for t in n.inputs)]
    assert (len(convolutions), len(depthwise), len(residuals)) == (23, 7, 5)
    assert [(n.op.min, n.op.max) for n in graph.of_type("Clamp")] == [(0.0, 6.0)] * 16
    assert (len(graph.of_type("ReduceMean")), len(graph.of_type("MatMul"))) == (1, 1)
    assert not graph.of_type("BatchNormInference"), "batch norm is folded into the convolutions"


def test_the_model_gets_1834_of_2000_right(loaded):
    """Its best two answers are never closer than 0.007, so no order of summation changes the count."""
    graph, _, test = loaded
    assert evaluate(graph, test, Accuracy(), threads=1).value == 1834 / 2000


def test_definitions_and_kernels_agree(loaded):
    graph, _, test = loaded
    inputs = next(iter(batches(test, graph, 16))).inputs
    (defined,), (computed,) = (
        Interpreter(graph).run(inputs).values(),
        Executor(graph, threads=1).run(inputs).values(),
    )
    np.testing.assert_allclose(computed, defined, rtol=0, atol=1e-5 * np.abs(defined).max())


# ---- where they come from ----------------------------------------------------------------------------------


@needs_material
def test_logits_are_those_of_the_trained_network(loaded):
    onnxruntime = pytest.importorskip("onnxruntime")
    graph, _, test = loaded
    session, executor = onnxruntime.InferenceSession(ONNX), Executor(graph, threads=1)
    for batch in batches(test, graph, 200):
        (expected,), (found,) = session.run(None, batch.inputs), executor.run(batch.inputs).values()
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@needs_material
def test_the_example_script_makes_these_files(tmp_path):
    with np.load(MATERIAL / "fmnist_cal300_test10k.npz") as arrays:
        for name, stored in (("train", "cal"), ("t10k", "test")):
            write_idx(tmp_path / f"{name}-images-idx3-ubyte.gz", arrays[f"x_{stored}"])
            write_idx(tmp_path / f"{name}-labels-idx1-ubyte.gz", arrays[f"y_{stored}"])
    script = [sys.executable, REPOSITORY / "examples" / "train_fashion_mnist.py"]
    run = subprocess.run(
        [*script, "--data", tmp_path, "--output", tmp_path, "--onnx", ONNX],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert "91.70%" in run.stdout
    for path in FILES:
        assert (tmp_path / path.name).read_bytes() == path.read_bytes(), (
            f"{path.name} is stale: run the script again"
        )


def write_idx(path, array):
    header = bytes((0, 0, 8, array.ndim)) + np.array(array.shape, ">u4").tobytes()
    path.write_bytes(gzip.compress(header + array.astype(np.uint8).tobytes(), compresslevel=1))
