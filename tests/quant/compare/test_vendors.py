"""numpot against the vendors themselves: no code differs from OpenVINO, in both arithmetics, and looking
changes nothing.
"""

import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from numpot.ir import read_model
from numpot.quant.compare import CompareError, against_runtime, compare_models, compare_with_vendor, observing
from numpot.quant.compare.observing import View, observe
from numpot.quant.vendors import openvino
from numpot.quant.vendors.probe import probe

from ...ir.int8_networks import NETWORKS, network, samples
from ...ir.vendors import openvinos
from ...networks import Network
from ..material import MATERIAL, load_data, needs_material
from .stand_ins import Samples, causes, numpot_itself

pytest.importorskip("openvino")
on_x86 = pytest.mark.skipif(
    platform.machine().lower() not in ("x86_64", "amd64"), reason="the instruction that saturates is x86 only"
)


@pytest.fixture(scope="module")
def arithmetic() -> str:
    """What OpenVINO has here by itself."""
    return openvinos()


@pytest.mark.parametrize("name", NETWORKS)
def test_no_code_differs_from_openvino(name: str, arithmetic: str) -> None:
    """In the arithmetic that OpenVINO has here by itself, and says so."""
    graph = network(name, "unsigned")
    graph.prune()
    found = compare_with_vendor(graph, "openvino", Samples(samples(name)))
    assert found.first_difference is None, causes(found)
    assert len(found.outputs) == 1 and found.arithmetic == arithmetic
    assert found.notes == [f"{probe('openvino').does}: compared with `{arithmetic}`"]


@on_x86
def test_the_wrong_arithmetic_is_named(arithmetic: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenVINO as it is, against what it is not, as the user asked."""
    monkeypatch.setattr(against_runtime, "AVX2", {})
    other = "saturating" if arithmetic == "exact" else "exact"
    graph = network("chain", "unsigned")
    graph.prune()
    found = compare_with_vendor(graph, "openvino", Samples(samples("chain")), arithmetic=other)  # type: ignore[arg-type]
    assert causes(found)[0] is None and causes(found)[1] == "saturation"
    assert found.layers[1].cause is not None and f"in {arithmetic} arithmetic" in found.layers[1].cause.detail
    assert len(found.notes) == 1 and found.notes[0].startswith(probe("openvino").does)


@on_x86
def test_openvino_does_as_on_avx2_on_every_processor() -> None:
    graph = network("chain", "unsigned")
    graph.prune()
    found = compare_with_vendor(graph, "openvino", Samples(samples("chain")), arithmetic="saturating")
    assert found.first_difference is None, causes(found)


def test_a_float_model_needs_no_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        against_runtime, "probe", lambda vendor: pytest.fail("asked for an arithmetic that nothing has")
    )
    net = Network()
    graph = net.result(net.conv(net.input(-1, 3, 5, 5), 4, 3))
    found = compare_with_vendor(graph, "openvino", Samples(np.ones((2, 3, 5, 5), np.float32)))
    assert found.arithmetic == "exact" and not found.notes


def test_a_tensor_that_changes_the_rest_is_looked_at_by_itself(tmp_path: Path) -> None:
    """A Result on the codes that a residual Add reads keeps OpenVINO from fusing it."""
    for name, at_once in (("chain", True), ("residual", False)):
        graph = network(name, "unsigned")
        graph.prune()
        nodes = [n.name for n in graph.of_type("FakeQuantize")]
        view = View(openvino.compile_openvino, graph, nodes, {"x": samples(name)}, tmp_path)
        assert view.at_once is at_once
        assert view.run({"x": samples(name)}).keys() == {*nodes, "y"}


def test_looking_at_a_runtime_that_does_not_mind(tmp_path: Path) -> None:
    graph = network("residual", "unsigned")
    nodes = [n.name for n in graph.of_type("FakeQuantize")]
    assert View(numpot_itself("simulated"), graph, nodes, {"x": samples("residual")}, tmp_path).at_once


def test_a_second_process_that_fails_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observing, "__name__", "numpot.no_such_module")
    with pytest.raises(CompareError, match="openvino failed in its own process: .*no_such_module"):
        list(
            observe(
                "openvino",
                network("chain", "unsigned"),
                ["y"],
                [{"x": samples("chain")}],
                dict(SYSTEM) | {"PYTHONPATH": ""},
            )
        )


SYSTEM = {"PATH": str(Path(sys.executable).parent)}


def test_comparing_imports_no_vendor_until_it_is_asked_for() -> None:
    code = (
        "import sys, numpot.quant.compare; print([m for m in ('openvino', 'onnxruntime', 'onnx', "
        "'jinja2') if m in sys.modules])"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "[]\n"
    )


# ---- models of POT -----------------------------------------------------------------------------------------


@pytest.mark.slow
@needs_material
@pytest.mark.parametrize(
    "name", ["digits_cnn", "digits_mlp", "fmnist_mobilenet", "fmnist_mobilenet_hard", "fmnist_resnet"]
)
@pytest.mark.parametrize("preset", ["performance", "mixed"])
@pytest.mark.parametrize("regime", ["own", "saturating"])
def test_no_code_of_pots_models_differs_from_openvino(
    name: str, preset: str, regime: str, arithmetic: str
) -> None:
    chosen = arithmetic if regime == "own" else regime
    path = MATERIAL / name / "pot" / f"{name}_default_{preset}.xml"
    if not path.is_file():
        pytest.skip("not among the reference models")
    found = compare_with_vendor(
        read_model(path), "openvino", Samples(load_data(name).test[:32]), arithmetic=chosen
    )  # type: ignore[arg-type]
    assert found.first_difference is None, causes(found)


@needs_material
def test_the_layers_that_hurt_are_those_that_were_made_to() -> None:
    """In this model the channels between blocks are scaled by powers of two, so that the layers which read
    them lose most.
    """
    folder = MATERIAL / "fmnist_mobilenet_hard"
    int8 = read_model(folder / "pot" / "fmnist_mobilenet_hard_default_performance.xml")
    found = compare_models(
        int8,
        read_model(folder / "fmnist_mobilenet_hard.xml"),
        Samples(load_data("fmnist_mobilenet").test[:16]),
    )
    noisy = [c for c in found.layers if (c.isolated.sqnr_db or np.inf) < 15]
    assert [c.name for c in noisy] == [
        f"/blocks/blocks.{i}/body/body.0/body.0.0/Conv/WithoutBiases" for i in (3, 4, 5, 6)
    ] + ["/head/head.0/Conv/WithoutBiases"]
    assert {c.cause and c.cause.label for c in noisy} == {"rounding of inputs"}
