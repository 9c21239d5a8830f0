"""Damage: no byte of a model can change, and no byte be lost, unnoticed; no failing disk leaves a model half
written.
"""

import io
import itertools
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from numpot.ir.errors import ChecksumError, IRError, SaveError
from numpot.ir.formats.native.model import read_xmlbin, write_model
from numpot.ir.graph import Graph
from numpot.ir.ops.add import Add
from numpot.ir.ops.parameter import Parameter
from numpot.ir.ops.result import Result

from ...sample_models import assert_same_graph, residual_block

FLIPS = (*(1 << bit for bit in range(8)), 0xFF)  # every bit alone, and all at once


def small_model() -> Graph:
    """Two constants with padding between them, an operator, and a line of info: every part of the format in 2
    kB.
    """
    graph = Graph("small", {"preset": "mixed"})
    x = graph.add(Parameter(element_type=np.dtype(np.float32), shape=(-1, 2)), name="x")
    total = graph.add(Add(), [x.output, graph.constant(np.array([1, 2], np.float32), "bias")], name="add")
    graph.constant(np.array([True, False]), "flags")
    graph.add(Result(), [total.output], name="y")
    return graph


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("corruption") / "m.xml"
    write_model(small_model(), path)
    return path


@pytest.mark.parametrize("suffix", [".xml", ".bin"])
def test_a_file_cut_anywhere_is_refused(model, suffix, tmp_path):
    xml = Path(shutil.copytree(model.parent, tmp_path / "copy")) / model.name
    damaged = xml.with_suffix(suffix)
    end = len(damaged.read_bytes().rstrip(b"\n"))  # the line feed after </numpot> says nothing
    for length in reversed(range(end)):
        os.truncate(damaged, length)
        with pytest.raises(IRError):
            read_xmlbin(xml)


@pytest.mark.parametrize("flip", FLIPS, ids=hex)
@pytest.mark.parametrize("suffix", [".xml", ".bin"])
def test_a_byte_changed_anywhere_but_in_the_declaration_is_refused(model, suffix, flip, tmp_path):
    xml = Path(shutil.copytree(model.parent, tmp_path / "copy")) / model.name
    content = xml.with_suffix(suffix).read_bytes()
    harmless = []
    with xml.with_suffix(suffix).open("r+b", buffering=0) as damaged:
        for at, byte in enumerate(content):
            damaged.seek(at)
            damaged.write(bytes([byte ^ flip]))
            try:
                assert_same_graph(read_xmlbin(xml), small_model())
                harmless.append(at)
            except IRError:
                pass
            damaged.seek(at)
            damaged.write(bytes([byte]))
    # In `<?xml version='1.0' encoding='UTF-8'?>` some digits and the case of letters mean nothing; in the
    # rest everything does.
    assert all(at < content.find(b"?>") for at in harmless)


def test_a_changed_byte_of_the_bin_is_a_checksum_error(model, tmp_path):
    xml = Path(shutil.copytree(model.parent, tmp_path / "copy")) / model.name
    content = bytearray(xml.with_suffix(".bin").read_bytes())
    for at in range(len(content)):
        content[at] ^= 0x10
        xml.with_suffix(".bin").write_bytes(content)
        with pytest.raises(ChecksumError):
            read_xmlbin(xml)
        content[at] ^= 0x10


# ---- failing system calls ----------------------------------------------------------------------------------


class FailingDisk:
    """Lets calls that change the disk through until the n-th, which raises `error` before or after its work;
    then all is well again.
    """

    def __init__(self, fail_at: int, error: BaseException, *, after: bool) -> None:
        self.calls = 0
        self.fail_at = fail_at
        self.error = error
        self.after = after

    def count(self) -> None:
        self.calls += 1
        if self.calls == self.fail_at:
            raise self.error

    def counted(self, function: Callable) -> Callable:
        def call(*args, **kwargs):
            if not self.after:
                self.count()
            result = function(*args, **kwargs)
            if self.after:
                self.count()
            return result

        return call

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        opened = {"xb": lambda path: FailingFile(path, self), "rb": lambda path: io.FileIO(path, "rb")}
        monkeypatch.setattr(Path, "open", self.counted(lambda path, mode: opened[mode](path)))
        for name in ("open", "replace", "fsync"):
            monkeypatch.setattr(os, name, self.counted(getattr(os, name)))


class FailingFile(io.FileIO):
    """A file whose write may fail in the middle, as on a disk that is full."""

    def __init__(self, path: Path, disk: FailingDisk) -> None:
        super().__init__(path, "xb")
        self.disk = disk

    def write(self, data: bytes) -> int:
        half = len(data) // 2
        super().write(bytes(data)[:half])
        self.disk.count()
        return half + super().write(bytes(data)[half:])


@pytest.mark.parametrize(
    "error", [OSError(28, "No space left on device"), KeyboardInterrupt(), MemoryError()], ids=repr
)
@pytest.mark.parametrize("old", [True, False], ids=["over an old model", "new"])
@pytest.mark.parametrize("after", [False, True], ids=["before its work", "after its work"])
def test_whatever_call_fails_the_old_model_or_the_new_one_is_there(after, old, error, tmp_path, monkeypatch):
    folder = tmp_path / "models"
    for fail_at in itertools.count(1):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        if old:
            write_model(small_model(), folder / "m.xml")
        disk = FailingDisk(fail_at, error, after=after)
        with monkeypatch.context() as patch:
            disk.install(patch)
            try:
                write_model(residual_block(), folder / "m.xml")
            except (SaveError, KeyboardInterrupt, MemoryError) as found:
                assert isinstance(found, SaveError if isinstance(error, OSError) else type(error))
        assert_old_or_new(folder, old)
        if disk.calls < fail_at:  # nothing was left to fail
            break
    assert fail_at > 10  # two files opened, written, synced and renamed, and the folder synced


def assert_old_or_new(folder: Path, old: bool) -> None:
    """A whole model, or nothing where there was nothing; never a third file."""
    names = sorted(path.name for path in folder.iterdir())
    if not old and not names:
        return
    assert names == ["m.bin", "m.xml"]
    read = read_xmlbin(folder / "m.xml")
    assert_same_graph(read, small_model() if old and read.name == "small" else residual_block())
