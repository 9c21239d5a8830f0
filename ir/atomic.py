"""Files replaced all or none: whatever goes wrong, the old ones stay as they were and nothing else is left behind."""

import hashlib
import os
import platform
import secrets
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import BinaryIO

TEMPORARY_FILES = ".numpot-*.tmp"  # beside the files they will replace; a process that is killed leaves one, which the next save removes


@contextmanager
def replacing(paths: Sequence[Path]) -> Iterator[Sequence[BinaryIO]]:
    """Temporary files beside `paths`, to be filled by the caller; when the block ends well they take the places of `paths`.

    All paths are in one folder. The rename of the last one decides: before it the old files count, after it the new ones. A process
    that is killed, not interrupted, can leave the others in between; the last file should therefore hold their checksums.

    A new file gets the mode of the one it replaces, or that of the umask. A symbolic link is replaced, not followed. Raises OSError.
    """
    temporaries = [_temporary(path) for path in paths]
    try:
        with ExitStack() as stack:
            files = [stack.enter_context(t.open("xb")) for t in temporaries]
            yield files
            for file, path in zip(files, paths, strict=True):
                if path.is_file():
                    Path(file.name).chmod(path.stat().st_mode)
                file.flush()
                os.fsync(file.fileno())
        _commit(temporaries, paths)
    finally:
        for temporary in temporaries:
            temporary.unlink(missing_ok=True)
    _remove_left_behind(paths[0].parent)
    _sync_folder(paths[0].parent)


def check_folder(path: Path) -> None:
    """Raises OSError if no file can be created beside `path`: for the start of long work that ends in a save."""
    with tempfile.TemporaryFile(dir=path.parent):
        pass


def _commit(temporaries: Sequence[Path], paths: Sequence[Path]) -> None:
    """Rename each temporary to its path; undo all if one fails."""
    backups = {path: _temporary(path) for path in paths[:-1] if path.is_file() or path.is_symlink()}
    try:
        for path, backup in backups.items():
            path.replace(backup)
        for temporary, path in zip(temporaries, paths, strict=True):
            temporary.replace(path)
    finally:
        if temporaries[-1].exists():  # not renamed, so the old files count (an interrupt can come at any line above)
            for temporary, path in zip(temporaries, paths, strict=True):
                if not temporary.exists():
                    path.unlink(missing_ok=True)
            for path, backup in backups.items():
                if backup.exists():
                    backup.replace(path)
        else:
            for backup in backups.values():
                backup.unlink(missing_ok=True)


def _temporary(path: Path) -> Path:
    return path.with_name(TEMPORARY_FILES.replace("*", f"{_machine()}-{os.getpid()}-{secrets.token_hex(8)}"))


def _remove_left_behind(folder: Path) -> None:
    """Remove temporaries of processes of this machine that are no more: they were killed while they saved."""
    for left in folder.glob(TEMPORARY_FILES):
        machine, _, rest = left.name.removeprefix(".numpot-").partition("-")
        process = rest.partition("-")[0]
        if machine == _machine() and process.isdecimal() and not _is_running(int(process)) and left.is_file():
            with suppress(OSError):
                left.unlink()


def _is_running(process: int) -> bool:
    if os.name != "posix":  # elsewhere the signal would end it
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    return True


@cache
def _machine() -> str:
    """What tells this machine, or this container of it, from others that may write to the same folder."""
    namespace = Path("/proc/self/ns/pid")
    numbers = str(namespace.stat().st_ino) if namespace.exists() else ""
    return hashlib.sha256(f"{platform.node()} {numbers}".encode()).hexdigest()[:8]


def _sync_folder(folder: Path) -> None:
    """Make the renames survive a power cut, where a folder can be opened as a file."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
