"""A file that a command reads is never what it writes, however the two are spelled."""

import os
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from numpot.ir import save_model
from numpot.quant.cli import app

from ...networks import Network


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    net = Network()
    save_model(net.result(net.conv(net.input(-1, 3, 6, 6), 4, 3)), tmp_path / "model.xml")
    np.savez(tmp_path / "x.npz", x=np.ones((4, 3, 6, 6), np.float32))
    os.link(tmp_path / "model.xml", tmp_path / "hard.xml")
    (tmp_path / "soft.xml").symlink_to("model.xml")
    (tmp_path / "other.bin").symlink_to("model.bin")
    monkeypatch.chdir(tmp_path)
    return tmp_path


SPELLINGS = [
    "model.xml",
    "./model.xml",
    "../{folder}/model.xml",
    "{absolute}/model.xml",
    "soft.xml",
    "hard.xml",
    "other.xml",
]


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("command", ["convert", "quantize", "config"])
def test_the_model_stays_as_it_is(command: str, spelling: str, folder: Path) -> None:
    output = spelling.format(folder=folder.name, absolute=folder)
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    arguments = {
        "convert": ["convert", "model.xml", output],
        "quantize": ["quantize", "model.xml", "--data", "x.npz", "-o", output],
    }
    if command == "config":
        (folder / "c.json").write_text(CONFIG)
        before["c.json"] = CONFIG.encode()
        arguments["config"] = ["quantize", "-c", "c.json", "-o", output]
    outcome = CliRunner().invoke(app, arguments[command])
    assert outcome.exit_code == 2, outcome.output
    assert "would replace" in outcome.stderr and outcome.stderr.count("\n") == 1
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before


CONFIG = """{"model": {"model_name": "m", "model": "model.xml", "weights": "model.bin"},
"engine": {"type": "simplified", "data_source": "x.npz"},
"compression": {"algorithms": [{"name": "DefaultQuantization", "params": {"stat_subset_size": 4}}]}}"""


def test_another_name_is_taken(folder: Path) -> None:
    outcome = CliRunner().invoke(app, ["convert", "model.xml", "new.xml"])
    assert outcome.exit_code == 0 and (folder / "new.bin").is_file()
