"""Runtimes to compare with: each is a file that declares one, the registry has them all, and each keeps what
vendor.py promises.
"""

import importlib
import pkgutil
from pathlib import Path

import numpy as np
import pytest

from numpot.ir.errors import MissingExtraError
from numpot.ir.formats.model_files import save_model
from numpot.ir.interpreter import Interpreter
from numpot.quant import vendors
from numpot.quant.errors import CompareError
from numpot.quant.vendors import openvino, registry
from numpot.quant.vendors.registry import VENDORS, find_vendor
from numpot.quant.vendors.vendor import Vendor, import_vendor

from ...networks import Network

INSTALLED = [name for name, vendor in VENDORS.items() if vendor.is_installed]


def test_every_file_that_declares_a_vendor_is_in_the_registry() -> None:
    files = [
        importlib.import_module(f"{vendors.__name__}.{m.name}")
        for m in pkgutil.iter_modules(vendors.__path__)
    ]
    declared = {file.VENDOR.name: file.VENDOR for file in files if hasattr(file, "VENDOR")}
    assert declared == VENDORS and all(isinstance(vendor, Vendor) for vendor in declared.values())


@pytest.mark.parametrize("name", INSTALLED)
def test_both_ways_to_run_a_model_give_what_numpot_gives(name: str, tmp_path: Path) -> None:
    """A batch that is open, of three samples."""
    net = Network()
    graph = net.result(net.matmul(net.input(-1, 6), 5))
    inputs = {"x": np.random.default_rng(0).standard_normal((3, 6)).astype(np.float32)}
    expected = Interpreter(graph).run(inputs)
    for_looking, for_speed = tmp_path / "looking", tmp_path / "speed"
    for_looking.mkdir()
    for_speed.mkdir()
    found = VENDORS[name].compile(graph, for_looking)(inputs)
    assert list(found) == list(expected) == ["y"]
    format = VENDORS[name].reads[0]
    file = for_speed / ("m.onnx" if format == "onnx" else "m.xml")
    save_model(graph, file, format)
    (timed,) = VENDORS[name].open(file, inputs, 1)()
    for array in (*found.values(), timed):
        np.testing.assert_allclose(array, expected["y"], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", INSTALLED)
def test_a_vendor_is_described_by_name_version_and_what_is_asked_of_it(name: str) -> None:
    vendor = VENDORS[name]
    words = vendor.describe({}).split()
    assert words[0] == name and words[1][0].isdigit()
    assert words[2:] == [f"{key}={value}" for key, value in vendor.config.items()]
    if vendor.isa_variable:
        assert vendor.describe({vendor.isa_variable: "AVX2"}).split() == [
            *words,
            f"{vendor.isa_variable}=AVX2",
        ]


def test_a_name_that_is_not_known_is_refused_with_those_that_are() -> None:
    with pytest.raises(
        CompareError, match="runtime 'tensorrt' is not known; known are openvino, onnxruntime"
    ):
        find_vendor("tensorrt")


def test_a_package_that_is_missing_names_its_extra() -> None:
    with pytest.raises(MissingExtraError, match="comparing with it.*no_such_runtime"):
        import_vendor("no_such_runtime", "comparing with it")


def test_saturation_is_asked_of_x86_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "find_vendor", lambda name: openvino.VENDOR)
    monkeypatch.setattr(registry.platform, "machine", lambda: "aarch64")
    with pytest.raises(CompareError, match="one of x86; this machine is aarch64"):
        registry.check_vendor("openvino", "saturating")
    registry.check_vendor("openvino", "exact")
