"""Whole models, written and read back: the same floats; and run by OpenVINO, quantized ones by its int8
kernels.
"""

from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from numpot.ir.executor.executor import Executor
from numpot.ir.formats.model_files import read_model, save_model
from numpot.ir.formats.openvino import read_openvino
from numpot.ir.graph import Graph
from numpot.ir.interpreter import Interpreter
from numpot.ir.lowering.lower import integer_layers
from numpot.quant import quantize
from numpot.quant.data.sources import batches
from numpot.quant.demo import load

from ....quant.material import MATERIAL, needs_material
from ...int8_networks import NETWORKS, network, samples
from ...lowering.test_vendor_int8 import assert_same_floats
from ...random_networks import inputs, networks
from ...sample_models import MODELS, assert_same_graph
from ...vendors import openvinos
from .test_models import FLOAT, QUANTIZED, QUICK, images
from .vendor import compile_for_one, primitives, run_one_by_one

Arrays = dict[str, np.ndarray]
FLOAT_FILES = [f"{name}/{name}" for name in FLOAT]
several = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def assert_same_arrays(found: Arrays, expected: Arrays) -> None:
    """Names, order, types and every bit; NaN equals NaN."""
    assert list(found) == list(expected)
    for name, array in expected.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


def written(graph: Graph, folder: Path) -> Path:
    path = folder / "written.xml"
    save_model(graph, path, format="openvino")
    return path


def assert_survives(graph: Graph, x: np.ndarray, folder: Path) -> Path:
    """What is written reads back as a model with the same floats, information, inputs and batch.

    As the file has it, grouped weights stand behind a Reshape, where only float arithmetic sees them.
    """
    path = written(graph, folder)
    for again, arithmetic in ((read_openvino(path), "simulated"), (read_model(path), "exact")):
        assert again.info == graph.info
        assert [(p.name, p.op) for p in again.inputs] == [(p.name, p.op) for p in graph.inputs]
        ours, original = (Interpreter(g, arithmetic=arithmetic).run(x) for g in (again, graph))  # type: ignore[arg-type]
        assert_same_arrays(ours, original)
    return path


# ---- round trips -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
def test_sample_models_come_back_as_they_were(name: str, tmp_path: Path) -> None:
    graph = MODELS[name]()
    assert_same_graph(read_openvino(written(graph, tmp_path)), graph)


@pytest.mark.parametrize("int8", [False, True], ids=["float", "int8"])
@several
@given(data=st.data())
def test_random_networks_survive(int8: bool, data: st.DataObject, tmp_path: Path) -> None:
    graph = data.draw(networks(int8=int8))
    assert_survives(graph, inputs(graph, 3), tmp_path)


@pytest.mark.parametrize("name", NETWORKS)
def test_int8_networks_stay_integer(name: str, tmp_path: Path) -> None:
    graph = network(name, "misaligned")
    graph.prune()
    path = assert_survives(graph, samples(name), tmp_path)
    assert list(integer_layers(read_model(path)).values()) == list(integer_layers(graph).values())


@needs_material
@pytest.mark.parametrize(
    "name",
    [n if n in QUICK[:2] else pytest.param(n, marks=pytest.mark.slow) for n in FLOAT_FILES + QUANTIZED],
)
def test_models_that_were_read_survive(name: str, tmp_path: Path) -> None:
    graph = read_model(MATERIAL / f"{name}.xml")
    assert_survives(graph, images(Path(name).name)[:1], tmp_path)


# ---- OpenVINO's int8 ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def arithmetic() -> Any:
    return openvinos()


@pytest.mark.parametrize("name", NETWORKS)
def test_openvino_runs_int8_networks_in_int8(name: str, arithmetic: Any, tmp_path: Path) -> None:
    """Every weighted layer is a primitive on bytes, and the floats are those that numpot says."""
    graph = network(name, "unsigned")
    graph.prune()
    compiled = compile_for_one(written(graph, tmp_path))
    if "matrices" not in name:  # of which OpenVINO may make one primitive, on one thread
        assert_all_int8(compiled, graph)
    assert_same_floats(name, "unsigned", arithmetic, run_one_by_one(compiled, samples(name)))


def assert_all_int8(compiled: ov.CompiledModel, graph: Graph) -> None:
    found = primitives(compiled)
    assert len(found) == len(integer_layers(graph)) and all(integer_layers(graph).values())
    assert all(name.lower().endswith(("_i8", "_u8")) for name in found), found


@pytest.mark.parametrize("name", ["strided_and_grouped", "depthwise", "residual", "flattened"])
def test_what_openvino_saves_again_stays_integer(name: str, tmp_path: Path) -> None:
    graph = network(name, "misaligned")
    graph.prune()
    ov.save_model(ov.Core().read_model(written(graph, tmp_path)), tmp_path / "again.xml")
    again = read_model(tmp_path / "again.xml")
    assert integer_layers(again) == integer_layers(graph)
    assert_same_arrays(Executor(again).run(samples(name)), Executor(graph).run(samples(name)))


def test_openvino_keeps_our_information_and_names(tmp_path: Path) -> None:
    graph = MODELS["residual f32"]()
    model = ov.Core().read_model(written(graph, tmp_path))
    assert [i.any_name for i in model.inputs] == ["x"]
    assert [o.any_name for o in model.outputs] == ["y"]
    assert model.inputs[0].partial_shape == ov.PartialShape([-1, 3])
    ov.save_model(model, tmp_path / "again.xml", compress_to_fp16=False)
    assert_same_graph(read_openvino(tmp_path / "again.xml"), graph)


@pytest.mark.slow
def test_the_demo_model_is_as_good_in_openvino(tmp_path: Path) -> None:
    """Quantized, exported, run by OpenVINO's int8 kernels: top-1 is within 0.1 points of numpot's, image by
    image.
    """
    fp32, calibration, test = load()
    graph = quantize(fp32, calibration, preset="mixed")
    compiled = compile_for_one(written(graph, tmp_path))
    assert_all_int8(compiled, graph)
    (batch,) = batches(test, graph, len(test))
    images, labels = batch.inputs["x"], batch.labels
    vendor = run_one_by_one(compiled, images).argmax(1)
    ours = Executor(graph, arithmetic=openvinos()).run(images)["logits"].argmax(1)
    assert abs(np.mean(ours == labels) - np.mean(vendor == labels)) <= 0.001
    assert np.mean(ours == vendor) >= 0.998
