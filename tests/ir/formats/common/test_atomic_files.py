"""What a killed process left beside a file goes with the next save; what another one still writes stays."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from numpot.ir.formats.common.atomic_files import replacing
from numpot.kernels.codegen import temporary_files as temporary
from numpot.kernels.codegen.temporary_files import (
    TEMPORARY_FILES,
    open_temporary,
    remove_left_behind,
    temporary_name,
)

pytestmark = pytest.mark.skipif(
    os.name != "posix", reason="only there files have locks that end with a process"
)

KILLED = """
import os, signal, sys
from pathlib import Path
from numpot.ir.formats.common.atomic_files import replacing
with replacing([Path(sys.argv[1])]) as (file,):
    file.write(b"half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def left(folder: Path) -> set[str]:
    return {path.name for path in folder.glob(TEMPORARY_FILES)}


def save(path: Path, content: bytes = b"whole") -> None:
    with replacing([path]) as (file,):
        file.write(content)


def test_what_a_killed_process_left_is_removed_by_the_next_save(tmp_path: Path) -> None:
    path = tmp_path / "m.xml"
    subprocess.run([sys.executable, "-c", KILLED, str(path)])
    assert len(left(tmp_path)) == 1 and not path.exists()
    others = {".numpot-00000000-0123456789abcdef.tmp", ".numpot-mine.tmp"}
    for name in others:  # of another machine, of somebody else
        (tmp_path / name).write_bytes(b"")
    temporary_name(path).mkdir()  # a folder is not ours, and a link was never
    temporary_name(path).symlink_to(tmp_path / ".numpot-mine.tmp")
    os.mkfifo(temporary_name(path))
    with open_temporary(path) as another:  # of somebody who still writes
        strangers = left(tmp_path) - others
        save(path)
        assert path.read_bytes() == b"whole" and Path(another.name).exists()
        assert left(tmp_path) >= others and len(strangers - left(tmp_path)) == 1
    save(path)
    assert not Path(another.name).exists()


def test_a_process_that_ended_and_was_not_waited_for_holds_nothing(tmp_path: Path) -> None:
    """Its number is still taken, as in a container whose first process waits for nobody."""
    path = tmp_path / "m.xml"
    killed = subprocess.Popen([sys.executable, "-c", KILLED, str(path)])
    os.waitid(os.P_PID, killed.pid, os.WEXITED | os.WNOWAIT)
    os.kill(killed.pid, 0)
    assert len(left(tmp_path)) == 1
    save(path)
    assert not left(tmp_path)
    killed.wait()


def test_files_of_another_machine_are_removed_when_no_save_takes_as_long(tmp_path: Path) -> None:
    name = tmp_path / ".numpot-00000000-0123456789abcdef.tmp"
    name.write_bytes(b"")
    save(tmp_path / "m.xml")
    assert name.exists()
    old = time.time() - temporary.SECONDS_OF_A_SAVE - 1
    os.utime(name, (old, old))
    save(tmp_path / "m.xml")
    assert not name.exists()


def test_a_file_that_is_taken_away_before_it_is_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody looks for files left behind, between the creation of one and its lock."""
    hold, looks = temporary.hold, []

    def late(descriptor: int) -> bool:
        if not looks:
            looks.append(len(left(tmp_path)))
            remove_left_behind(tmp_path.glob(TEMPORARY_FILES))
        return hold(descriptor)

    monkeypatch.setattr(temporary, "hold", late)
    save(tmp_path / "m.xml")
    assert looks == [1] and (tmp_path / "m.xml").read_bytes() == b"whole" and not left(tmp_path)


@pytest.mark.parametrize("linked", [False, True])
def test_whatever_rename_fails_the_old_files_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, linked: bool
) -> None:
    """Every rename of a save of two files in turn; a save by another process in the middle takes nothing
    away.
    """
    paths = [tmp_path / "m.bin", tmp_path / "m.xml"]
    (tmp_path / "real.bin").write_bytes(b"old")
    for path in paths:
        path.symlink_to("real.bin") if linked and path.suffix == ".bin" else path.write_bytes(b"old")
    replace, renames = Path.replace, 0
    failures = 0
    for failing in range(1, 9):
        renames = 0

        def counted(self: Path, target: Path, failing: int = failing) -> Path:
            nonlocal renames
            renames += 1
            remove_left_behind(tmp_path.glob(TEMPORARY_FILES))
            if renames == failing:
                raise OSError(28, "No space left on device")
            return replace(self, target)

        monkeypatch.setattr(Path, "replace", counted)
        try:
            with replacing(paths) as files:
                for file in files:
                    file.write(b"new")
        except OSError:
            failures += 1
            assert [path.read_bytes() for path in paths] == [b"old"] * 2 and paths[0].is_symlink() == linked
            assert not left(tmp_path)
        else:
            break
    assert failures == (2 if linked else 3) and [path.read_bytes() for path in paths] == [b"new"] * 2
    assert not left(tmp_path) and not paths[0].is_symlink() and (tmp_path / "real.bin").read_bytes() == b"old"
