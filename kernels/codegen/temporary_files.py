"""Files with a name for the time that they are written, and which of them a killed process left behind: those
whose lock nobody holds.

The lock belongs to the open file, so it ends with the process, however that ends. The number of a process
would not do: by now it may be another's, or that of one that has ended and was not waited for, as in a
container whose first process waits for nobody.
"""

import hashlib
import os
import platform
import re
import secrets
import time
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import BinaryIO, Final

TEMPORARY_FILES: Final = ".numpot-*.tmp"  # beside the files that they will replace
_NAME: Final = re.compile(r"\.numpot-([0-9a-f]{8})-[0-9a-f]{16}\.tmp")
SECONDS_OF_A_SAVE: Final = 24 * 3600.0  # no save takes as long


def temporary_name(path: Path) -> Path:
    """A new name beside `path`."""
    return path.with_name(TEMPORARY_FILES.replace("*", f"{_system()}-{secrets.token_hex(8)}"))


def open_temporary(path: Path) -> BinaryIO:
    """A new file beside `path`, locked as long as it is open. Raises OSError, and then there is no file."""
    while True:
        name = temporary_name(path)
        try:
            file = name.open("xb")
            if hold(file.fileno()) and os.fstat(file.fileno()).st_nlink:
                return file
            file.close()  # between its creation and its lock somebody took it for left behind
        except BaseException:
            name.unlink(missing_ok=True)
            raise
        name.unlink(missing_ok=True)


def hold(descriptor: int) -> bool:
    """Lock an open file. False if another process has locked it; where the system has no locks, True."""
    if os.name != "posix":
        return True
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True


def remove_left_behind(paths: Iterable[Path]) -> None:
    """Remove the temporary files among `paths` that nobody writes any more.

    Other systems may write to a shared folder and have locks of their own; their files are left alone for a
    day.
    """
    for path in paths:
        match = _NAME.fullmatch(path.name)
        with suppress(OSError):
            if (
                match
                and path.is_file()
                and not path.is_symlink()
                and (match[1] == _system() or _is_old(path))
                and _is_free(path)
            ):
                path.unlink()


def _is_old(path: Path) -> bool:
    return time.time() - path.stat().st_mtime > SECONDS_OF_A_SAVE


def _is_free(path: Path) -> bool:
    """Does nobody hold the lock? False where the system has none."""
    if os.name != "posix":
        return False
    import fcntl

    descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        os.close(descriptor)
    return True


@cache
def _system() -> str:
    """What tells this system, as it was started, from others: containers on it share its locks, another
    machine may not.
    """
    started = Path("/proc/sys/kernel/random/boot_id")
    name = started.read_text() if started.exists() else platform.node()
    return hashlib.sha256(name.encode()).hexdigest()[:8]
