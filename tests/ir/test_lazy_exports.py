"""Public names of the packages: all there, all found, alone in completion, and imported only when
asked for.
"""

import importlib
import importlib.util
import rlcompleter
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

LAZY = ["numpot.ir", "numpot.quant", "numpot.quant.data", "numpot.quant.metrics"]
PACKAGES = [importlib.import_module(name) for name in LAZY]
each_package = pytest.mark.parametrize("package", PACKAGES, ids=LAZY)


def public(package: ModuleType) -> set[str]:
    return {name for name in dir(package) if not name.startswith("_")}


@each_package
def test_every_public_name_is_found_where_it_is_said_to_be(package: ModuleType) -> None:
    for name in package.__all__:
        found = getattr(package, name)
        assert found.__name__ == name and found.__module__.startswith("numpot."), name


@each_package
def test_dir_shows_the_public_names_and_no_modules(package: ModuleType) -> None:
    """Though submodules have been imported, which become attributes of their package."""
    for name in package.__all__:
        getattr(package, name)
    assert any(isinstance(value, ModuleType) for value in vars(package).values())
    assert public(package) == set(package.__all__)


@each_package
def test_tab_completes_every_public_name(package: ModuleType) -> None:
    complete = rlcompleter.Completer({"package": package}).attr_matches
    offered = {match.removeprefix("package.").rstrip("()") for match in complete("package.")}
    assert {name for name in offered if not name.startswith("_")} == set(package.__all__)
    name = package.__all__[0]
    assert any(match.startswith(f"package.{name}") for match in complete(f"package.{name[:3]}"))


@each_package
def test_editors_are_told_the_same_names(package: ModuleType) -> None:
    """Type checkers and editors read the imports under TYPE_CHECKING; these list what `__all__` does."""
    source = importlib.util.find_spec(package.__name__)
    assert source is not None and source.origin is not None
    text = Path(source.origin).read_text("utf-8")
    told = {line.rpartition(" as ")[2] for line in text.splitlines() if line.startswith("    from .")}
    assert {name for name in told if not name.startswith("_")} == set(package.__all__)


@pytest.mark.parametrize("name", LAZY)
def test_listing_names_imports_nothing_heavy(name: str) -> None:
    code = f"import sys, {name}; dir({name}); print(*{{m.partition('.')[0] for m in sys.modules}})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not {"numpy", "numba", "lxml", "pydantic", "PIL"} & set(loaded.split())


@each_package
def test_an_unknown_name_is_refused(package: ModuleType) -> None:
    with pytest.raises(AttributeError, match=f"module '{package.__name__}' has no attribute 'quantise'"):
        package.quantise  # noqa: B018


def test_star_imports_bring_the_public_names_alone() -> None:
    names: dict[str, object] = {}
    exec("from numpot.quant import *", names)
    assert {n for n in names if n != "__builtins__"} == set(importlib.import_module("numpot.quant").__all__)
