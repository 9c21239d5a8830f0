"""What numpot quantizes and exports is as good in the vendors' runtimes, on integers, as here: on all 10,000
images of Fashion-MNIST.
"""

from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from numpot.ir.executor.executor import Executor
from numpot.ir.formats.model_files import save_model
from numpot.ir.graph import Graph
from numpot.ir.lowering.lower import Arithmetic, integer_layers
from numpot.quant import quantize

ov = pytest.importorskip("openvino")
ort = pytest.importorskip("onnxruntime")
onnx = pytest.importorskip("onnx")

from ..ir.formats.openvino.vendor import compile_for_one, primitives, run_one_by_one  # noqa: E402
from ..ir.vendors import onnxruntimes, openvinos  # noqa: E402
from .data.array_data import ArrayData  # noqa: E402
from .material import load_data, load_model, needs_material  # noqa: E402

MODELS = ["fmnist_mobilenet", "fmnist_mobilenet_hard", "fmnist_resnet"]
BATCH = 250

pytestmark = [pytest.mark.slow, needs_material]


class Exported(NamedTuple):
    """A quantized model, and its files."""

    graph: Graph
    xml: Path
    onnx: Path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("exported")


@cache
def exported(name: str, preset: str, folder: Path) -> Exported:
    graph = quantize(load_model(name), ArrayData(load_data(name).calibration), preset=preset)
    assert all(integer_layers(graph).values())
    made = Exported(graph, folder / f"{name}_{preset}.xml", folder / f"{name}_{preset}.onnx")
    save_model(graph, made.xml, "openvino")
    save_model(graph, made.onnx, "onnx")
    return made


@cache
def ours(name: str, preset: str, folder: Path, arithmetic: Arithmetic) -> np.ndarray:
    executor = Executor(exported(name, preset, folder).graph, arithmetic=arithmetic)
    return in_batches(lambda x: executor.run(x)["logits"], load_data(name).test)


def in_batches(run: Callable[[np.ndarray], np.ndarray], x: np.ndarray) -> np.ndarray:
    return np.concatenate([run(x[i : i + BATCH]) for i in range(0, len(x), BATCH)])


def assert_as_good(name: str, theirs: np.ndarray, expected: np.ndarray) -> None:
    """Top-1 within 0.1 points."""
    labels = load_data(name).labels
    assert len(labels) == 10_000
    top1 = [100 * float(np.mean(y.argmax(1) == labels)) for y in (theirs, expected)]
    print(
        f"{name}: {top1[0]:.2f} % there, {top1[1]:.2f} % here, "
        f"{np.mean(theirs.argmax(1) == expected.argmax(1)):.2%} alike"
    )
    assert abs(top1[0] - top1[1]) <= 0.1


@pytest.mark.parametrize("suffix", ["xml", "onnx"])
@pytest.mark.parametrize("name", MODELS)
def test_openvino(name: str, suffix: str, folder: Path) -> None:
    """Of either file OpenVINO makes integer primitives, one for each layer, and it gives every image its
    class here.
    """
    made = exported(name, "performance", folder)
    compiled = compile_for_one(getattr(made, suffix))
    found = primitives(compiled)
    assert len(found) == len(integer_layers(made.graph))
    assert all(kind.lower().endswith(("_i8", "_u8")) for kind in found), found
    theirs, expected = (
        run_one_by_one(compiled, load_data(name).test),
        ours(name, "performance", folder, openvinos()),
    )
    assert_as_good(name, theirs, expected)
    assert np.mean(theirs.argmax(1) == expected.argmax(1)) > 0.9998


@pytest.mark.parametrize(
    ("name", "preset", "arithmetic"),
    [
        ("fmnist_mobilenet", "performance", "exact"),
        ("fmnist_mobilenet_hard", "best", "exact"),
        # it rounds where exact only clips (docs/differences.md)
        ("fmnist_mobilenet_hard", "performance", "simulated"),
        ("fmnist_resnet", "performance", "exact"),
    ],
)
def test_onnxruntime(name: str, preset: str, arithmetic: Arithmetic, folder: Path) -> None:
    """With its QLinearConv, except around depthwise layers, whose scales for each channel it has no kernel
    for (docs/onnx.md).
    """
    made = exported(name, preset, folder)
    session, kinds = optimized(made.onnx)
    convolutions, depthwise = (
        sum(n.op.groups > g for n in made.graph.of_type("Convolution")) for g in (0, 1)
    )  # type: ignore[attr-defined]
    assert kinds["QLinearConv"] + kinds["Conv"] + kinds["FusedConv"] == convolutions
    assert kinds["QLinearConv"] >= convolutions - 2 * depthwise and kinds["QGemm"] == 1
    theirs = in_batches(lambda x: session.run(None, {"x": x})[0], load_data(name).test)
    assert_as_good(name, theirs, ours(name, preset, folder, arithmetic))


def test_onnxruntime_runs_depthwise_layers_on_integers_too(folder: Path) -> None:
    """If their inputs have one scale, which is the caller's choice."""
    name = "fmnist_mobilenet"
    data = ArrayData(load_data(name).calibration)
    graph = quantize(load_model(name), data, preset="performance", activations={"granularity": "pertensor"})
    save_model(graph, folder / "pertensor.onnx")
    session, kinds = optimized(folder / "pertensor.onnx")
    assert kinds["QLinearConv"] == len(graph.of_type("Convolution")) and kinds["QGemm"] == 1
    assert not {"DequantizeLinear", "Conv", "FusedConv"} & kinds.keys()
    theirs = in_batches(lambda x: session.run(None, {"x": x})[0], load_data(name).test)
    executor = Executor(graph, arithmetic=onnxruntimes())
    assert_as_good(name, theirs, in_batches(lambda x: executor.run(x)["logits"], load_data(name).test))


def optimized(path: Path) -> tuple[Any, Counter[str]]:
    """A session, and the operators that onnxruntime runs in it."""
    options = ort.SessionOptions()
    options.optimized_model_filepath = str(path.with_name("optimized.onnx"))
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return session, Counter(n.op_type for n in onnx.load(path.with_name("optimized.onnx")).graph.node)
