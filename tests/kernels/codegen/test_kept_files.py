"""Kept machine code: whatever happens to a file, no byte of it runs that was not written, and the next call
mends it.
"""

import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from numpot.kernels.codegen import jit, kept_files
from numpot.kernels.codegen.isa import available
from numpot.kernels.codegen.temporary_files import TEMPORARY_FILES, open_temporary

from .test_jit import CALL

Damage = Callable[[Path], None]


def flip_a_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def make_a_folder(path: Path) -> None:
    path.unlink()
    (path / "inside").mkdir(parents=True)


def make_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def point_nowhere(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.with_name("nothing"))


def make_unreadable(path: Path) -> None:
    path.chmod(0)


DAMAGES: dict[str, Damage] = {
    "emptied": lambda path: path.write_bytes(b"") and None,
    "cut in its digest": lambda path: os.truncate(path, 20),
    "cut behind its digest": lambda path: os.truncate(path, 32),
    "cut": lambda path: os.truncate(path, path.stat().st_size - 1),
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"\0") and None,
    "one bit": flip_a_bit,
    "folder": make_a_folder,
    "pipe": make_a_pipe,
    "link to nothing": point_nowhere,
    "unreadable": make_unreadable,
}


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    monkeypatch.setattr(jit, "candidates", lambda: [tmp_path])
    jit.cache_folder.cache_clear()
    kept_files.say_once.cache_clear()
    yield tmp_path
    jit.cache_folder.cache_clear()
    kept_files.say_once.cache_clear()


def twice(x: Any) -> Any:
    return 2 * x


def compile_and_call() -> bool:
    """Whether the code was found."""
    compiled: Any = jit.kernel(twice)
    assert compiled(np.int64(4)) == 8
    return bool(compiled.stats.cache_hits)


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_file_is_compiled_again_with_one_line(
    folder: Path, damage: Damage, caplog: pytest.LogCaptureFixture
) -> None:
    assert not compile_and_call() and compile_and_call()
    (file,) = folder.rglob("*.nbc")
    damage(file)
    if damage is make_unreadable and os.access(file, os.R_OK):
        pytest.skip("the superuser reads it all the same")
    with caplog.at_level(logging.WARNING, "numpot"):
        assert not compile_and_call()
    # a folder is not ours to delete, so nothing can be kept in its place
    lines = 2 if damage is make_a_folder else 1
    assert (
        len(caplog.records) == lines and "compiled" in caplog.text and str(file.parent.parent) in caplog.text
    )
    if damage is not make_a_folder:
        caplog.clear()
        assert compile_and_call() and not caplog.records
    assert not list(folder.rglob(TEMPORARY_FILES))


def test_code_of_another_function_signature_or_source_is_not_taken(folder: Path) -> None:
    def file_of(stamp: Any) -> kept_files.KeptFiles:
        return kept_files.KeptFiles(str(folder), "f", stamp)

    file_of("today").save(("int64", "cpu"), "code")
    assert file_of("today").load(("int64", "cpu")) == "code"
    assert file_of("yesterday").load(("int64", "cpu")) is None
    assert file_of("today").load(("float32", "cpu")) is None
    (written,) = folder.rglob("*.nbc")
    file_of("today").save(("float32", "cpu"), "other code")
    other = next(path for path in folder.rglob("*.nbc") if path != written)
    shutil.copy(written, other)  # sound, but of another signature
    assert file_of("today").load(("float32", "cpu")) is None


def test_where_a_file_cannot_be_written_the_code_runs_all_the_same(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def no_space(path: Path) -> Any:
        file = open_temporary(path)
        write = file.write

        def half(data: bytes) -> int:
            write(data[: len(data) // 2])
            raise OSError(28, "No space left on device")

        file.write = half  # type: ignore[method-assign]
        return file

    with monkeypatch.context() as full, caplog.at_level(logging.WARNING, "numpot"):
        full.setattr(kept_files, "open_temporary", no_space)
        assert not compile_and_call()
    assert len(caplog.records) == 1 and "No space left on device" in caplog.text
    assert not [path for path in folder.rglob("*") if path.is_file()]
    assert not compile_and_call() and compile_and_call()


def test_a_folder_that_is_deleted_meanwhile_is_made_again(folder: Path) -> None:
    compile_and_call()
    shutil.rmtree(next(folder.iterdir()))
    assert not compile_and_call() and compile_and_call()


def start(folder: Path) -> "subprocess.Popen[str]":
    environment = {**os.environ, "PYTHONPATH": str(folder), "NUMBA_CACHE_DIR": str(folder / "cache")}
    return subprocess.Popen(
        [sys.executable, "-c", CALL],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: "subprocess.Popen[str]") -> tuple[str, str]:
    out, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    return out.strip(), errors


@pytest.mark.slow
def test_in_processes_of_their_own(tmp_path: Path) -> None:
    """Two compile at once; every file has one bit flipped; a third finds that, says one line and mends; a
    fourth finds all in order.
    """
    sources = Path(jit.__file__).parents[1]
    shutil.copytree(sources, tmp_path / "copied", ignore=shutil.ignore_patterns("__pycache__"))
    assert [finish(p)[0] for p in [start(tmp_path), start(tmp_path)]] == ["7 compiled"] * 2
    files = list((tmp_path / "cache").rglob("*.nbc"))
    assert files and not list((tmp_path / "cache").rglob(TEMPORARY_FILES))
    assert finish(start(tmp_path))[0] == "7 found"
    for file in files:
        flip_a_bit(file)
    out, errors = finish(start(tmp_path))
    assert out == "7 compiled" and errors.count("\n") == 1 and "it is compiled again" in errors
    assert finish(start(tmp_path)) == ("7 found", "")


SUMS = """
import sys
import numba
import numpy as np
from numpot.kernels.codegen.jit import Entry, kernel
from numba import types

@kernel
def total(x):
    result = np.float32(0)
    for i in range(len(x)):
        result += x[i] * x[i] * np.float32(i)
    return result

@kernel
def doubled(x):
    for i in range(len(x)):
        x[i] = x[i] * np.float32(2) + np.float32(1)

KERNELS = total, doubled

def work():
    x = np.arange(64, dtype=np.float32)
    doubled(x)
    hits = lambda k: sum(k.stats.cache_hits.values())
    return float(x.sum()), float(total(np.ones(4, np.float32))), sum(hits(k) for k in KERNELS)
"""
OTHER = """
import numba
from numpot.kernels.codegen import isa  # reads what this processor has, before it becomes another
numba.config.CPU_NAME, numba.config.CPU_FEATURES = {processor!r}
import kept
for k in kept.KERNELS:
    k.compile((numba.float32[::1],))  # it could not be run here
print("zmm" in kept.doubled.inspect_asm(kept.doubled.signatures[0]))
"""
PROCESSORS = {
    "with more": (
        "skylake-avx512",
        "+avx,+avx2,+fma,+avx512f,+avx512bw,+avx512dq,+avx512vl,+evex512,-prefer-256-bit",
    ),
    "with less": ("haswell", "+avx,+avx2,+fma"),
}


@pytest.mark.slow
@pytest.mark.skipif("avx2" not in available(), reason="the other processors are of the same family")
@pytest.mark.parametrize("processor", PROCESSORS.values(), ids=PROCESSORS)
def test_a_cache_of_another_processor_is_never_run(processor: tuple[str, str], tmp_path: Path) -> None:
    """Its folder is copied here, as with a home on a network: nothing in it is taken, not even under the
    names that files have here; it is compiled again, beside it, without a word. Damage of the foreign files
    changes nothing, and they are left as they are."""
    (tmp_path / "kept.py").write_text(SUMS)
    here = {
        **os.environ,
        "PYTHONPATH": str(tmp_path),
        "NUMPOT_ISA": "portable",
        "NUMBA_CACHE_DIR": str(tmp_path / "cache"),
    }

    def run(code: str) -> str:
        done = subprocess.run([sys.executable, "-c", code], env=here, capture_output=True, text=True)
        assert done.returncode == 0 and done.stderr == "", (done.returncode, done.stderr)
        return done.stdout.strip()

    call, right = "import kept; print(*kept.work())", "4096.0 6.0"
    has_wide_registers = run(OTHER.format(processor=processor))
    assert has_wide_registers == str(processor[0] == PROCESSORS["with more"][0])
    foreign = {path: path.read_bytes() for path in (tmp_path / "cache").rglob("*.nbc")}
    assert len(foreign) == 2
    assert run(call) == f"{right} 0"  # nothing was found
    own = {path: path.read_bytes() for path in (tmp_path / "cache").rglob("*.nbc") if path not in foreign}
    assert len(own) == 2 and all(path.read_bytes() == content for path, content in foreign.items())
    assert run(call) == f"{right} 2"
    for number, content in enumerate(foreign.values()):  # under our names: sound, but of another processor
        for path in own:
            path.write_bytes(content if number else bytes(content[:-9]))
        for path in foreign:
            flip_a_bit(path)
        done = subprocess.run([sys.executable, "-c", call], env=here, capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (0, f"{right} 0\n") and done.stderr.count("\n") <= 1, (
            done.stderr
        )
        assert run(call) == f"{right} 2"
