"""Every model of the tests, written as ONNX and as OpenVINO IR and read again: the same floats, bit for bit,
in every arithmetic.
"""

from pathlib import Path

import numpy as np
import pytest

from numpot.ir.errors import NumpotError
from numpot.ir.executor.executor import Executor
from numpot.ir.formats.model_files import read_model, save_model
from numpot.ir.graph import Graph, Node
from numpot.ir.interpreter import Interpreter
from numpot.ir.lowering.lower import integer_layers

pytest.importorskip("onnx")
pytest.importorskip("openvino")

from ...networks import Network  # noqa: E402
from ...quant.material import MATERIAL, needs_material  # noqa: E402
from ..sample_models import MODELS  # noqa: E402
from .openvino.test_models import images  # noqa: E402

EVERY = sorted(
    str(p.relative_to(MATERIAL)) for pattern in ("*.onnx", "*.xml") for p in MATERIAL.rglob(pattern)
)
# networks that numpot was not made with
FOREIGN = [file for file in EVERY if file.startswith(("cases/", "exports/"))]
FILES = [file for file in EVERY if file not in FOREIGN]
QUICK = [
    "digits_cnn/digits_cnn_bn.onnx",
    "digits_cnn/pot/digits_cnn_aa_performance.xml",
    "digits_mlp/peers/digits_mlp_ort_qdq.onnx",
]
FORMATS = {"onnx": "again.onnx", "openvino": "again.xml"}

each_format = pytest.mark.parametrize("to", FORMATS)


def there_and_back(graph: Graph, to: str, folder: Path) -> Graph:
    save_model(graph, folder / FORMATS[to], to)
    return read_model(folder / FORMATS[to])


def assert_same_outputs(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert list(found) == list(expected)
    for name, array in expected.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


@needs_material
@each_format
@pytest.mark.parametrize(
    "file", [f if f in QUICK else pytest.param(f, marks=pytest.mark.slow) for f in FILES]
)
def test_real_models(file: str, to: str, tmp_path: Path) -> None:
    graph, x = read_model(MATERIAL / file), images(Path(file).name)[:1]
    again = there_and_back(graph, to, tmp_path)
    assert list(integer_layers(again).values()) == list(integer_layers(graph).values())
    for arithmetic in ("exact", "saturating", "simulated"):
        assert_same_outputs(*(Executor(g, arithmetic=arithmetic).run(x) for g in (again, graph)))


@needs_material
@pytest.mark.slow
@pytest.mark.parametrize("file", FOREIGN)
def test_foreign_models(file: str, tmp_path: Path) -> None:
    """They come back the same from ONNX, or are refused in one sentence that names the file."""
    try:
        graph = read_model(MATERIAL / file)
        again = there_and_back(graph, "onnx", tmp_path)
    except NumpotError as error:
        assert "\n" not in str(error) and (Path(file).name in str(error) or FORMATS["onnx"] in str(error))
        return
    rng = np.random.default_rng(0)
    feeds = {p.name: small_numbers(rng, p) for p in graph.inputs}
    found, expected = (Interpreter(g, arithmetic="simulated").run(feeds) for g in (again, graph))
    assert list(found) == list(expected)
    for name, array in expected.items():
        np.testing.assert_allclose(
            found[name], array, rtol=0, atol=1e-5 * float(np.abs(array).max(initial=1))
        )


def small_numbers(rng: np.random.Generator, parameter: Node) -> np.ndarray:
    """For an input, where a batch of any size is 2; whole numbers that are indices of anything."""
    shape, dtype = [2 if d == -1 else d for d in parameter.output.shape], parameter.output.dtype
    return (
        rng.standard_normal(shape).astype(dtype)
        if dtype.kind == "f"
        else rng.integers(0, 2, shape).astype(dtype)
    )


@each_format
@pytest.mark.parametrize("name", MODELS)
def test_sample_models(name: str, to: str, tmp_path: Path) -> None:
    if (name, to) == ("empty", "onnx"):
        pytest.skip("a graph without outputs is no ONNX model")
    graph = MODELS[name]()
    rng = np.random.default_rng(0)
    feeds = {
        p.name: rng.standard_normal((2, *p.output.shape[1:])).astype(p.output.dtype) for p in graph.inputs
    }
    assert_same_outputs(*(Interpreter(g).run(feeds) for g in (there_and_back(graph, to, tmp_path), graph)))


def test_a_model_without_a_name(tmp_path: Path) -> None:
    graph = MODELS["split"]()
    graph.name = ""
    assert there_and_back(graph, "onnx", tmp_path).name == "model"
    assert there_and_back(graph, "openvino", tmp_path).name == ""


@pytest.mark.parametrize("to", ["numpot", *FORMATS])
def test_a_batch_that_does_not_stay_in_front(to: str, tmp_path: Path) -> None:
    """As in recurrent networks, whose steps come first."""
    net = Network()
    turned = net.do("Transpose", net.input(-1, 3, 4), np.array([1, 0, 2]))
    graph = net.result(net.do("Transpose", net.matmul(net.relu(turned), 5), np.array([1, 2, 0])))
    assert turned.shape == (3, -1, 4) and graph.outputs[0].output.shape == (-1, 5, 3)
    save_model(graph, tmp_path / "again.onnx" if to == "onnx" else tmp_path / "again.xml", to)
    again = read_model(next(p for p in tmp_path.iterdir() if p.suffix != ".bin"))
    x = np.random.default_rng(0).standard_normal((2, 3, 4)).astype(np.float32)
    assert_same_outputs(Interpreter(again).run(x), Interpreter(graph).run(x))
