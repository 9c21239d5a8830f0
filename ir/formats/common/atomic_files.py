"""Replace several files atomically: after an error the old ones are unchanged, and nothing else is left
behind.
"""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from numpot.kernels.codegen.temporary_files import (
    TEMPORARY_FILES,
    hold,
    open_temporary,
    remove_left_behind,
    temporary_name,
)

from ...errors import SaveError


@contextmanager
def replacing(paths: Sequence[Path]) -> Iterator[Sequence[BinaryIO]]:
    """Temporary files beside `paths`, to be filled by the caller; when the block ends well they take the
    places of `paths`.

    All paths are in one folder. The rename of the last one decides: before it the old files count, after it
    the new ones. A process that is killed, not interrupted, can leave the others in between; the last file
    should therefore hold their checksums. It leaves its temporary files, too, which the next save to this
    folder removes.

    A new file gets the mode of the one it replaces, or that of the umask. A symbolic link is replaced, not
    followed. Raises OSError.
    """
    temporaries: list[Path] = []
    try:
        with ExitStack() as stack:
            files = []
            for path in paths:
                files.append(stack.enter_context(open_temporary(path)))
                temporaries.append(Path(files[-1].name))
            yield files
            for file, path in zip(files, paths, strict=True):
                if path.is_file():
                    Path(file.name).chmod(path.stat().st_mode)
                file.flush()
                os.fsync(file.fileno())
                # elsewhere an open file cannot be renamed, and there are no locks to keep
                if os.name != "posix":
                    file.close()
            _commit(temporaries, paths)
    finally:
        for temporary in temporaries:
            temporary.unlink(missing_ok=True)
    remove_left_behind(paths[0].parent.glob(TEMPORARY_FILES))
    _sync_folder(paths[0].parent)


def check_folder(path: Path) -> None:
    """Raises OSError if no file can be created beside `path`: for the start of long work that
    ends in a save.
    """
    with tempfile.TemporaryFile(dir=path.parent):
        pass


def check_target(path: Path, suffix: str) -> None:
    """Raises SaveError if a model cannot be saved there: another suffix, or a folder that refuses files."""
    check_suffix(path, suffix)
    try:
        check_folder(path)
    except OSError as error:
        raise SaveError(
            f"cannot be written: folder {str(path.parent)!r} does not take files ({error.strerror})", path
        ) from error


def check_suffix(path: Path, suffix: str) -> None:
    """Raises SaveError if a model's file has another suffix than its format."""
    if path.suffix != suffix:
        beside = " (with a .bin beside it)" if suffix == ".xml" else ""
        raise SaveError(f"a model is saved as {suffix}{beside}, found {path.suffix or 'no suffix'!r}", path)


def _commit(temporaries: Sequence[Path], paths: Sequence[Path]) -> None:
    """Rename each temporary to its path; undo all if one fails."""
    backups = {path: temporary_name(path) for path in paths[:-1] if path.is_file() and not path.is_symlink()}
    links = {path: path.readlink() for path in paths[:-1] if path.is_symlink()}
    with ExitStack() as locked:
        try:
            for path, backup in backups.items():
                # or another save would take it for left behind
                hold(locked.enter_context(path.open("rb")).fileno())
                path.replace(backup)
            for temporary, path in zip(temporaries, paths, strict=True):
                temporary.replace(path)
        finally:
            # not renamed, so the old files count (an interrupt can come at any line above)
            if temporaries[-1].exists():
                for temporary, path in zip(temporaries, paths, strict=True):
                    if not temporary.exists():
                        path.unlink(missing_ok=True)
                for path, backup in backups.items():
                    if backup.exists():
                        backup.replace(path)
                for path, target in links.items():
                    if not path.is_symlink():
                        path.symlink_to(target)
            else:
                for backup in backups.values():
                    backup.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Make the renames survive a power cut, where a folder can be opened as a file."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
