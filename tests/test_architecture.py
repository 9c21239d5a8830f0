"""The structure of the code is what docs/architecture.md says: imports go down, packages are small, and the
docstring of each package names what is in it.

The layers stand in pyproject.toml, [tool.importlinter]; everything else is computed from the source by
tests/architecture.py. Each check has a counterpart that breaks what it checks: a check that sees nothing
would pass whatever happens.
"""

import json
import logging
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from . import architecture, architecture_picture
from .architecture import ROOT, Code

PROJECT = ROOT / "pyproject.toml"
SETTINGS: dict[str, Any] = tomllib.loads(PROJECT.read_text("utf-8"))["tool"]["importlinter"]
CONTRACTS = SETTINGS["contracts"]


@pytest.fixture(scope="module")
def code() -> Code:
    return Code.read()


def changed(code: Code, **texts: str) -> Code:
    """The code with other modules, or further ones. `__` in a name stands for a dot."""
    modules = {name.replace("__", "."): text for name, text in texts.items()}
    packages = {name.rpartition(".")[0] for name in modules} - code.modules.keys()
    return replace(code, modules={**code.modules, **modules}, packages=code.packages | packages)


# ---- layers ------------------------------------------------------------------------------------------------


@pytest.fixture
def our_log_as_it_was() -> Iterator[None]:
    """import-linter configures logging for a process of its own, and turns off every logger that is there."""
    log = logging.getLogger("numpot")
    before = log.disabled
    yield
    log.disabled = before


@pytest.mark.usefixtures("our_log_as_it_was")
def test_imports_point_one_way(capsys: pytest.CaptureFixture[str]) -> None:
    cli = pytest.importorskip("importlinter.cli")
    broken = cli.lint_imports(str(PROJECT), no_cache=True, no_logo=True)
    assert not broken, capsys.readouterr().out


@pytest.mark.usefixtures("our_log_as_it_was")
def test_every_contract_breaks_when_it_is_turned_upside_down(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cli = pytest.importorskip("importlinter.cli")
    lines = ["[tool.importlinter]", f"root_packages = {json.dumps(SETTINGS['root_packages'])}"]
    for contract in CONTRACTS:
        turned = contract | {"layers": contract["layers"][::-1]}
        lines += ["[[tool.importlinter.contracts]]"]
        lines += [f"{key} = {json.dumps(value)}" for key, value in turned.items()]
    upside_down = tmp_path / "pyproject.toml"
    upside_down.write_text("\n".join(lines), "utf-8")
    assert cli.lint_imports(str(upside_down), no_cache=True, no_logo=True)
    said = capsys.readouterr().out
    assert f"0 kept, {len(CONTRACTS)} broken" in said
    for sentence in (
        "numpot.quant is not allowed to import numpot.ir",
        "numpot.ir.executor is not allowed to import numpot.ir.formats",
        "numpot.quant.statistics is not allowed to import numpot.quant.data",
    ):
        assert sentence in said or sentence.replace("allowed to import", "allowed to import\n") in said


INSIDE = architecture.layers_inside()


@pytest.mark.parametrize("package", INSIDE)
def test_the_script_counts_no_arrow_upwards(code: Code, package: str) -> None:
    """As import-linter does, by the script's own reading of the source."""
    assert not architecture.arrows_upwards(code, package, INSIDE[package])


@pytest.mark.parametrize("package", INSIDE)
def test_the_script_counts_arrows_when_the_layers_are_turned(code: Code, package: str) -> None:
    arrows = sum(map(len, code.siblings(package).values()))
    assert len(architecture.arrows_upwards(code, package, INSIDE[package][::-1])) == arrows > 0


def test_each_of_the_three_has_its_layers() -> None:
    assert set(architecture.FOLDERS) <= INSIDE.keys()
    assert all(contract["exhaustive"] for contract in CONTRACTS if "containers" in contract)


# ---- circles -----------------------------------------------------------------------------------------------


def test_no_modules_import_each_other(code: Code) -> None:
    assert not architecture.module_circles(code)


@pytest.mark.parametrize(
    "text",
    [
        "from .executor.executor import Executor",
        "import numpot.ir.executor.executor",
        "def late():\n    from numpot.ir.executor import executor",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .executor import executor",
    ],
)
def test_a_circle_of_modules_is_seen_however_it_is_imported(code: Code, text: str) -> None:
    found = architecture.module_circles(changed(code, ir__errors=text))
    assert len(found) == 1 and "ir.errors" in found[0] and "ir.executor.executor" in found[0]


def test_no_siblings_import_each_other(code: Code) -> None:
    assert not architecture.sibling_circles(code)


def test_a_circle_of_packages_is_seen_though_no_modules_are_in_one(code: Code) -> None:
    """pot/ reads accuracy_aware/. A further module there, which nobody reads and which reads pot/, closes the
    circle.
    """
    twisted = changed(code, quant__accuracy_aware__scripts="from ..pot import pipeline")
    assert not architecture.module_circles(twisted)
    assert architecture.sibling_circles(twisted) == ["quant: accuracy_aware - pot"]


# ---- sizes, names, mirrors ---------------------------------------------------------------------------------


def test_packages_are_small(code: Code) -> None:
    assert not architecture.too_large(code)


def test_a_package_that_grows_is_seen(code: Code) -> None:
    grown = changed(code, **{f"ir__run__file{i}": "" for i in range(architecture.LARGEST)})
    assert architecture.too_large(grown) == ["ir.run: 14 modules, 12 are allowed"]


def test_catalogues_are_packages(code: Code) -> None:
    """And large ones; a list of exceptions that nothing needs would hide the next one."""
    assert code.packages >= architecture.CATALOGUES
    alike = {name for name in architecture.CATALOGUES if "operators" not in name}
    sizes = {name: len(code.children(name)) for name in alike}
    assert all(size > architecture.LARGEST for size in sizes.values()), sizes


def test_docstrings_of_packages_name_what_is_in_them(code: Code) -> None:
    assert not architecture.unnamed(code)


def test_what_a_docstring_leaves_out_is_seen(code: Code) -> None:
    added = changed(
        code, ir__run__batching="", quant__ranges__search__tree="", ir__formats__coreml__reader=""
    )
    assert architecture.unnamed(added) == [
        "ir.formats: its docstring does not name coreml/",
        "ir.formats.coreml: its __init__ has no docstring",
        "ir.run: its docstring does not name batching",
        "quant.ranges: its docstring does not name search/",
        "quant.ranges.search: its __init__ has no docstring",
    ]
    silent = changed(code, ir__ops='"""The operators."""')
    assert architecture.unnamed(silent) == [
        "ir.ops: its docstring does not say that it is a catalogue",
        "ir.ops: its docstring does not name common/",
    ]


def folders_of_tests(root: Path = ROOT) -> set[str]:
    """Those that hold files, caches apart."""
    tests = root / "tests"
    holders = {path.parent for path in tests.rglob("*") if path.is_file()}
    return {
        folder.relative_to(tests).as_posix()
        for folder in holders
        if folder != tests and "__pycache__" not in folder.parts and not folder.name.startswith(".")
    }


def test_tests_mirror_the_packages(code: Code) -> None:
    assert not architecture.stray_test_folders(code, folders_of_tests())


def test_a_folder_of_tests_without_a_package_is_seen(code: Code) -> None:
    folders = {*folders_of_tests(), "ir/onnx", "quant/ranges", "fuzz/models"}
    assert architecture.stray_test_folders(code, folders) == ["ir/onnx"]


def test_harnesses_are_folders() -> None:
    folders = folders_of_tests()
    for name in architecture.HARNESSES:
        assert any(folder == name or folder.startswith(f"{name}/") for folder in folders), name


# ---- the page ----------------------------------------------------------------------------------------------


def test_the_picture_is_that_of_the_code(code: Code) -> None:
    page = architecture_picture.PAGE.read_text("utf-8")
    assert page == architecture_picture.drawn(page, code), "run python -m tests.architecture_picture"


def test_the_picture_changes_with_the_code(code: Code) -> None:
    page = architecture_picture.PAGE.read_text("utf-8")
    added = changed(code, quant__ranges="from .. import calibration")  # now an arrow upwards
    assert architecture_picture.drawn(page, added) != page


# ---- the script itself -------------------------------------------------------------------------------------


def test_floors_and_shortcuts() -> None:
    arrows = {"roof": {"wall", "floor"}, "wall": {"floor"}, "floor": set(), "shed": {"floor"}}
    assert architecture.floors(arrows) == 3
    assert architecture.without_shortcuts(arrows) == arrows | {"roof": {"wall"}}
    assert architecture.circles(arrows) == []
    assert architecture.circles(arrows | {"floor": {"roof"}}) == [["floor", "roof", "wall"]]
    assert architecture.floors(arrows | {"floor": {"roof"}}) == 2
