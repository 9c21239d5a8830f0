"""Imports point one way, quant -> ir -> kernels: the contract stands in pyproject.toml,
[tool.importlinter].
"""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent / "pyproject.toml"
LAYERS = ('"numpot.quant"', '"numpot.ir"', '"numpot.kernels"')

cli = pytest.importorskip("importlinter.cli")


@pytest.fixture(autouse=True)
def our_log_as_it_was() -> Iterator[None]:
    """import-linter configures logging for a process of its own, and turns off every logger that is there."""
    log = logging.getLogger("numpot")
    before = log.disabled
    yield
    log.disabled = before


def test_imports_point_one_way(capsys):
    broken = cli.lint_imports(str(PROJECT), no_cache=True, no_logo=True)
    assert not broken, capsys.readouterr().out


def test_the_contract_looks_at_the_imports_between_the_rooms(tmp_path, capsys):
    """Turned upside down it must break; a contract that sees no import keeps whatever happens."""
    contract = "layers = [\n    " + ",\n    ".join(LAYERS)
    text = PROJECT.read_text("utf-8")
    assert contract in text
    upside_down = tmp_path / "pyproject.toml"
    upside_down.write_text(
        text.replace(contract, "layers = [\n    " + ",\n    ".join(reversed(LAYERS))), "utf-8"
    )
    assert cli.lint_imports(str(upside_down), no_cache=True, no_logo=True)
    report = capsys.readouterr().out
    assert "numpot.quant is not allowed to import numpot.ir" in report
    assert "numpot.ir is not allowed to import numpot.kernels" in report
