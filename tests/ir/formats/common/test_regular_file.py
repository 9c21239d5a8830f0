"""Files that are no files: whoever reads one is told so, and never waits."""

import os
import socket
from pathlib import Path

import pytest

from numpot.ir.errors import NumpotError
from numpot.ir.formats.common.regular_file import open_regular, read_text
from numpot.ir.formats.model_files import read_model
from numpot.ir.graph import Graph
from numpot.quant.accuracy_aware.evaluators.journal import Journal
from numpot.quant.data.sources import open_data
from numpot.quant.pot.config import read_config

from ....networks import Network


def small() -> Graph:
    net = Network()
    return net.result(net.mean(net.input(-1, 1, 4, 4)))


def pipe(path: Path) -> Path:
    os.mkfifo(path)
    return path


def bound_socket(path: Path) -> Path:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))
    return path


@pytest.mark.parametrize(("make", "what"), [(pipe, "a pipe"), (lambda path: Path(os.devnull), "a device")])
def test_what_is_no_file_is_named(make, what, tmp_path) -> None:
    with pytest.raises(OSError, match=f"it is {what}, not a file"):
        open_regular(make(tmp_path / "x"))


def test_a_socket_a_folder_and_a_name_that_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the path of a socket must be short
    for path in (bound_socket(Path("s")), tmp_path, Path("a\0b"), tmp_path / "none"):
        with pytest.raises(OSError):
            open_regular(path)
    (tmp_path / "t").write_text("é", "utf-8")
    assert read_text(tmp_path / "t") == "é"


@pytest.mark.parametrize("name", ["m.xml", "m.onnx", "m.bin", "d.npz", "a.png", "c.json"])
def test_every_reader_refuses_a_pipe(name: str, tmp_path: Path) -> None:
    pipe(tmp_path / name)
    if name == "m.bin":
        from numpot.ir.formats.model_files import save_model

        (tmp_path / name).unlink()
        save_model(small(), tmp_path / "m.xml")
        (tmp_path / name).unlink()
        pipe(tmp_path / name)
    readers = {
        "m.xml": lambda: read_model(tmp_path / "m.xml"),
        "m.onnx": lambda: read_model(tmp_path / "m.onnx"),
        "m.bin": lambda: read_model(tmp_path / "m.xml"),
        "d.npz": lambda: open_data(str(tmp_path / "d.npz"), small()),
        "a.png": lambda: open_data(str(tmp_path), small()),
        "c.json": lambda: read_config(tmp_path / "c.json"),
    }
    with pytest.raises(NumpotError, match="it is a pipe, not a file"):
        readers[name]()


def test_a_journal_that_is_a_pipe(tmp_path: Path) -> None:
    Journal(tmp_path, {})
    (path,) = tmp_path.iterdir()
    path.unlink()
    pipe(path)
    with pytest.raises(NumpotError, match="it is a pipe, not a file"):
        Journal(tmp_path, {})
