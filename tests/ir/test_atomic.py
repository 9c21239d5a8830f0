"""What a killed process left beside a file goes with the next save; what another one still writes stays."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from numpot.ir import atomic
from numpot.ir.atomic import replacing

pytestmark = pytest.mark.skipif(os.name != "posix", reason="only there it can be asked whether a process is running")

KILLED = """
import os, signal, sys
from pathlib import Path
from numpot.ir.atomic import replacing
with replacing([Path(sys.argv[1])]) as (file,):
    file.write(b"half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def left(folder: Path) -> set[str]:
    return {path.name for path in folder.glob(atomic.TEMPORARY_FILES)}


def test_what_a_killed_process_left_is_removed_by_the_next_save(tmp_path: Path) -> None:
    path = tmp_path / "m.xml"
    subprocess.run([sys.executable, "-c", KILLED, str(path)])
    assert len(left(tmp_path)) == 1 and not path.exists()
    others = {f".numpot-{atomic._machine()}-{os.getpid()}-0.tmp", ".numpot-00000000-1-0.tmp", ".numpot-mine.tmp"}
    for name in others:  # of a process that runs, of another machine, of somebody else
        (tmp_path / name).write_bytes(b"")
    (tmp_path / f".numpot-{atomic._machine()}-{2**22 + 1}-0.tmp").mkdir()  # a folder is not ours
    with replacing([path]) as (file,):
        file.write(b"whole")
    assert path.read_bytes() == b"whole" and {name for name in left(tmp_path) if (tmp_path / name).is_file()} == others
