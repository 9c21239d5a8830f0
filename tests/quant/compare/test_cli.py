"""numpot compare: what it prints, what it leaves behind, and how it fails."""

import json
import platform
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from numpot.ir import save_model
from numpot.quant import demo, quantize
from numpot.quant.cli import app
from numpot.quant.compare.forcing import without_fake_quantize
from numpot.quant.vendors.probe import probe

from ...ir.int8_networks import network, samples
from ...networks import Network

KEYS = {
    "name",
    "type",
    "tensor",
    "unit",
    "elements",
    "mismatches",
    "max_abs",
    "relative",
    "sqnr_db",
    "isolated",
    "fused",
    "cause",
    "detail",
}


def invoke(*arguments: object):
    return CliRunner().invoke(app, ["compare", *map(str, arguments)])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's model, quantized, with its float model and its test pictures."""
    folder = tmp_path_factory.mktemp("demo")
    fp32, calibration, _ = demo.load()
    save_model(quantize(fp32, calibration, stat_subset_size=32), folder / "int8.xml")
    return folder


def compare(folder: Path, *options: object):
    return invoke(folder / "int8.xml", "--data", demo.TEST, "--limit", 4, *options)


def test_against_the_float_model_as_json_and_html(folder: Path) -> None:
    pytest.importorskip("jinja2")
    page = folder / "report.html"
    outcome = compare(folder, "--with", demo.MODEL, "--json", "--html", page)
    assert outcome.exit_code == 0, outcome.output
    found = json.loads(outcome.stdout)
    assert found.keys() == {
        "model", "reference", "arithmetic", "samples", "layers", "first_difference", "worst", "output",
        "notes", "not_finite",
    }  # fmt: skip
    assert (
        found["samples"] == 4
        and found["reference"] == str(demo.MODEL)
        and list(found["output"]) == ["logits"]
    )
    assert all(layer.keys() == KEYS for layer in [*found["layers"], *found["output"].values()])
    sqnr = {layer["name"]: layer["isolated"]["sqnr_db"] for layer in found["layers"]}
    assert len(sqnr) > 25 and found["worst"] == min(sqnr, key=sqnr.__getitem__)
    assert found["first_difference"] == found["layers"][0]["name"]
    assert 10 < found["output"]["logits"]["sqnr_db"] < 60
    text = page.read_text()
    assert all(name in text for name in sqnr)
    # nothing is fetched
    assert "<script" not in text and not re.search(r"""(src|href)=|url\(|https?://""", text)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with int8.xml, an int8 network with a residual Add, float.xml, the same without FakeQuantize,
    and x.npz.
    """
    folder = tmp_path_factory.mktemp("small")
    graph = network("residual", "unsigned")
    graph.prune()
    save_model(graph, folder / "int8.xml")
    save_model(without_fake_quantize(graph), folder / "float.xml")
    np.savez(folder / "x.npz", x=samples("residual"))
    return folder


@pytest.mark.parametrize("arithmetic", [None, "exact", "saturating", "saturating-onnxruntime"])
@pytest.mark.parametrize("reference", ["openvino", "onnxruntime", "fp32", "float.xml"])
def test_every_reference_in_every_arithmetic(
    reference: str, arithmetic: str | None, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_runtime = reference in ("openvino", "onnxruntime")
    if is_runtime:
        pytest.importorskip(reference)
    if (reference, arithmetic) == ("openvino", "saturating") and platform.machine().lower() not in (
        "x86_64",
        "amd64",
    ):
        pytest.skip("the instruction that saturates is x86 only")
    monkeypatch.chdir(small)
    asked = [] if arithmetic is None else ["--arithmetic", arithmetic]
    outcome = invoke("int8.xml", "--data", "x.npz", "--with", reference, *asked, "--json")
    assert outcome.exit_code == 0, outcome.output
    found = json.loads(outcome.stdout, parse_constant=lambda c: pytest.fail(f"{c} is not JSON"))
    layers = [*found["layers"], *found["output"].values()]
    own = probe(reference).arithmetic if is_runtime else "exact"
    assert all(layer.keys() == KEYS for layer in layers) and list(found["output"]) == ["y"]
    assert (found["arithmetic"], found["samples"]) == (arithmetic or own, 8)
    assert (
        found["reference"].startswith(("int8.xml without", reference)) and len(found["notes"]) == is_runtime
    )
    causes = {layer["cause"] for layer in layers}
    if reference == "openvino":
        if arithmetic == "saturating-onnxruntime":  # OpenVINO fuses residual Adds, onnxruntime does not
            assert ("saturation" if own == "exact" else "fused operator") in causes
        else:  # every x86 processor can saturate as on AVX2
            assert "saturation" in causes if arithmetic == "exact" != own else causes == {None}
    elif reference == "onnxruntime":
        # both pair even channels alike
        different = arithmetic is not None and (arithmetic == "exact") != (own == "exact")
        fuses = (arithmetic or own) != "saturating-onnxruntime"  # as OpenVINO, whose arithmetic it is
        assert "saturation" in causes if different else "unexplained" not in causes
        assert ("fused operator" in causes) == (fuses and not different)
    else:
        assert found["first_difference"] == found["layers"][0]["name"] and "clipping of inputs" in causes


@pytest.mark.slow
def test_the_demo_against_openvino(folder: Path) -> None:
    pytest.importorskip("openvino")
    outcome = compare(folder, "--with", "openvino")
    assert outcome.exit_code == 0, outcome.output
    assert "openvino" in outcome.stdout and "INFERENCE_PRECISION_HINT=f32" in outcome.stdout
    assert (
        "no element differs" in outcome.stdout
        and f"note: {probe('openvino').does}: compared with" in outcome.stdout
    )


def test_fp32_keeps_the_weights(folder: Path) -> None:
    outcome = compare(folder, "--with", "fp32", "--json")
    found = json.loads(outcome.stdout)
    causes = {layer["cause"] for layer in found["layers"]}
    assert outcome.exit_code == 0 and causes <= {"rounding of inputs", "clipping of inputs"}


def test_table_names_the_first_and_the_worst(folder: Path) -> None:
    outcome = compare(folder, "--with", demo.MODEL)
    assert outcome.exit_code == 0
    assert "first difference: " in outcome.stdout and "hurts most: " in outcome.stdout


# ---- bad input ---------------------------------------------------------------------------------------------


def fails(outcome, message: str) -> None:
    assert outcome.exit_code == 2, outcome.output
    assert re.fullmatch(f"numpot: {message}\n", outcome.stderr), outcome.stderr


@pytest.mark.parametrize("vendor", ["openvino", "onnxruntime"])
def test_a_vendor_that_is_not_installed(vendor: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, vendor, None)
    message = (
        rf"comparing with {vendor} needs the package '{vendor}', which is not installed: pip "
        rf"install 'numpot\[{vendor}\]'"
    )
    fails(compare(folder, "--with", vendor), message)


def test_a_report_without_jinja2(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    outcome = compare(folder, "--with", demo.MODEL, "--html", folder / "none.html")
    fails(
        outcome,
        r"an HTML report needs the package 'jinja2', which is not installed: pip install 'numpot\[report\]'",
    )
    assert not (folder / "none.html").exists()


def test_a_reference_that_is_no_file(folder: Path) -> None:
    fails(
        compare(folder, "--with", "openvin"),
        r"--with must be openvino, onnxruntime, fp32 or a model file, found 'openvin'. Did you mean "
        r"'openvino'\?",
    )


def test_a_report_that_cannot_be_written(folder: Path) -> None:
    pytest.importorskip("jinja2")
    outcome = compare(folder, "--with", "fp32", "--html", folder / "missing" / "r.html")
    fails(outcome, r".*missing/r.html: cannot be written \(No such file or directory\)")


def test_models_with_other_inputs(folder: Path) -> None:
    net = Network()
    save_model(net.result(net.matmul(net.input(-1, 5, name="features"), 3)), folder / "other.xml")
    message = (
        r"the models have different inputs: the model 'x' \[-1, 1, 28, 28\]; the reference "
        r"'features' \[-1, 5\]"
    )
    fails(compare(folder, "--with", folder / "other.xml"), message)


def test_data_that_does_not_fit(folder: Path) -> None:
    np.savez(folder / "wide.npz", x=np.zeros((3, 1, 28, 30), np.float32))
    outcome = invoke(folder / "int8.xml", "--data", folder / "wide.npz", "--with", "fp32")
    assert (
        outcome.exit_code == 2
        and "[1, 28, 28]" in outcome.stderr
        and "[1, 28, 30]" in outcome.stderr
        and "'x'" in outcome.stderr
    )
