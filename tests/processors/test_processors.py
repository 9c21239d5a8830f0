"""What other processors compute, emulated: numpot what its definitions say, and the vendors what
docs/saturation.md says of them.

An emulated processor is ten times slower than this one, so each test is one short process. Longer ones by
hand, as `python -m tests.processors armdot -- python -m pytest tests/kernels/layers/test_pooling.py`.
"""

import importlib.metadata
import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from . import aarch64, processors
from .__main__ import main
from .folders import CHECKOUT, NoProcessorError, put
from .processors import PROCESSORS, python_on

EXAMPLES = 15
VENDORS = {
    "haswell": {"openvino": "saturating", "onnxruntime": "saturating"},
    "nehalem": {"openvino": "saturating", "onnxruntime": "exact"},
    "armportable": {"openvino": "exact", "onnxruntime": "exact"},
    "armdot": {"openvino": "exact", "onnxruntime": "exact"},
    "armi8mm": {"openvino": "exact", "onnxruntime": "exact"},
}


@cache
def python_or_reason(name: str) -> Path | str:
    try:
        return python_on(PROCESSORS[name])
    except NoProcessorError as error:
        return str(error)


def run_on(name: str, *arguments: str) -> Any:
    """What a Python on that processor prints last, as JSON."""
    python = python_or_reason(name)
    if isinstance(python, str):
        pytest.skip(python)
    done = subprocess.run([python, *arguments], cwd=CHECKOUT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in PROCESSORS if name.startswith("arm")])
def test_kernels_are_the_definition_on(name: str) -> None:
    """Sets of x86 are forced on the processor at hand instead: tests/kernels/codegen/test_isa.py."""
    found = run_on(name, "-m", "tests.processors.integers", str(EXAMPLES), "gemm", "convolution")
    assert found["isa"] == PROCESSORS[name].isa
    for kind, (equal, count) in found["equal"].items():
        assert equal == count >= EXAMPLES, kind


@pytest.mark.slow
@pytest.mark.parametrize("name", PROCESSORS)
def test_vendors_integers_on(name: str) -> None:
    found = run_on(name, "-m", "tests.processors.vendors")
    assert found == {
        runtime: dict.fromkeys(("matrix product", "convolution"), integers)
        for runtime, integers in VENDORS[name].items()
    }


@pytest.mark.slow
def test_its_children_are_emulated_too() -> None:
    child = (
        "import json, sys; from llvmlite import binding; "
        "print(json.dumps([binding.get_host_cpu_name(), sys.executable]))"
    )
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}], check=True)"
    cpu, executable = run_on("haswell", "-c", code)
    assert cpu == "haswell" and executable == str(python_on(PROCESSORS["haswell"]))


def test_a_missing_emulator_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processors.shutil, "which", lambda name: None)
    assert (
        main(["haswell", "--", "python"])
        == "haswell needs the emulator qemu-x86_64: on Debian, apt-get install qemu-user"
    )


def test_a_python_for_another_machine_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processors.shutil, "which", lambda name: name)
    monkeypatch.setattr(processors.platform, "machine", lambda: "aarch64")
    assert (
        main(["nehalem", "--", "python"])
        == "nehalem needs a Python for x86_64, and this machine's is for aarch64"
    )


@pytest.mark.parametrize(
    "arguments", [[], ["haswell"], ["haswell", "--"], ["haswell", "python"], ["pentium", "--", "python"]]
)
def test_anything_else_is_answered_by_the_usage(arguments: list[str]) -> None:
    assert main(arguments).endswith("where NAME is one of haswell, nehalem, armportable, armdot, armi8mm")


def test_without_packages_the_first_that_fails_says_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(processors.shutil, "which", lambda name: name)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert (
        main(["armdot", "--", "python"])
        == "an AArch64 processor needs apt-get, which is not here: its Python is made of Debian's packages"
    )
    put(tmp_path / "bin/apt-get", "#!/bin/sh\necho Reading lists >&2\necho E: no network >&2\nexit 100\n")
    (tmp_path / "bin/apt-get").chmod(0o755)
    assert (
        main(["armdot", "--", "python"])
        == "an AArch64 processor needs packages from the network, once; apt-get says: E: no network"
    )
    assert not list((tmp_path / "numpot-processors").iterdir())  # nothing half made


def test_a_file_is_replaced_in_one_step(tmp_path: Path) -> None:
    for content in ("first", "second", tmp_path):
        put(tmp_path / "a/b", content)
    assert (tmp_path / "a/b").resolve() == tmp_path and len(list((tmp_path / "a").iterdir())) == 1


def test_linux_names_the_core_to_libraries(tmp_path: Path) -> None:
    (tmp_path / "root/usr").mkdir(parents=True)
    aarch64.describe(0xD0C, "fp asimd", tmp_path / "root", tmp_path / "system")
    assert "Features\t: fp asimd\nCPU implementer\t: 0x41\n" in (tmp_path / "system/proc/cpuinfo").read_text()
    assert next(tmp_path.rglob("midr_el1")).read_text() == "0x00000000413fd0c1\n"
    assert (tmp_path / "system/usr").resolve() == tmp_path / "root/usr"


def test_numpot_is_that_of_the_checkout_with_its_version(tmp_path: Path) -> None:
    (tmp_path / "root/usr/lib/python3.11").mkdir(parents=True)
    aarch64.link_numpot(tmp_path, tmp_path / "root")
    packages = tmp_path / "lib/python3.11/site-packages"
    assert (packages / "numpot/kernels").resolve() == CHECKOUT / "kernels"
    (found,) = importlib.metadata.distributions(path=[str(packages)])
    assert (found.name, found.version) == ("numpot", aarch64.PROJECT["project"]["version"])
