"""Files of machine code that are read again only if every byte is what was written.

One file for each function and signature, named by a digest of what it is compiled for, so that no index has
to agree with it:

    digest       32 bytes: SHA-256 of the rest
    rest         pickle of (of what: versions, source and key; numba's compiled function)

Nothing of a file is unpickled, let alone run, before its digest is verified. A file that is damaged, is no
file, cannot be read, or is of something else counts as absent: the function is compiled again, and the new
file takes its place.
"""

import hashlib
import logging
import os
import pickle
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, Final

import llvmlite
import numba
from numba.core.serialize import dumps

from .temporary_files import open_temporary

SHA256_BYTES: Final = 32
log = logging.getLogger("numpot")


class KeptFiles:
    """What numba's Cache asks of its files: `load`, `save` and `flush`. stamp: tells one version of the
    function's source from another.
    """

    def __init__(self, folder: str, base: str, stamp: Any) -> None:
        self._folder = Path(folder)
        self._base = base
        self._made_by = (numba.__version__, llvmlite.__version__, stamp)

    def load(self, key: Any) -> Any:
        """The compiled function of a key, or None. Never raises for what a file holds."""
        path = self._path(key)
        body = _verified(path)
        if body is None:
            return None
        made_by, found, compiled = pickle.loads(body)
        return compiled if (made_by, found) == (self._made_by, key) else None

    def save(self, key: Any, compiled: Any) -> None:
        """Replace the file of a key, whole or not at all. Where it cannot be written the next process
        compiles again.
        """
        path = self._path(key)
        body = dumps((self._made_by, key, compiled))
        temporary = None
        try:
            with open_temporary(path) as file:
                temporary = Path(file.name)
                file.write(hashlib.sha256(body).digest() + body)
                file.flush()
                # elsewhere an open file cannot be renamed; here its lock says that it is being written
                if os.name == "posix":
                    temporary.replace(path)
            if os.name != "posix":
                temporary.replace(path)
        except OSError as error:
            say_once(
                f"compiled kernels cannot be kept in {self._folder.parent} ({error.strerror}); the next "
                "process will compile them again"
            )
        finally:
            if temporary is not None:
                _remove(temporary)

    def flush(self) -> None:
        """Forget all that is kept of this function."""
        for path in self._folder.glob(f"{self._base}.*.nbc"):
            _remove(path)

    def _path(self, key: Any) -> Path:
        return self._folder / f"{self._base}.{hashlib.sha256(repr(key).encode()).hexdigest()[:16]}.nbc"


@cache
def say_once(sentence: str) -> None:
    """What happened to many files of one cache, in which numba gives each package a folder, is one line."""
    log.warning("%s", sentence)


def _verified(path: Path) -> bytes | None:
    """All of a file behind its digest; None where there is no such file, or it is not as it was written."""
    if not os.path.lexists(path):
        return None
    try:
        if path.is_file():  # not a folder, and not a pipe, which would wait for somebody to write
            data = path.read_bytes()
            body = data[SHA256_BYTES:]
            if len(data) > SHA256_BYTES and hashlib.sha256(body).digest() == data[:SHA256_BYTES]:
                return body
    except FileNotFoundError:
        return None
    except OSError:
        pass
    say_once(f"kept machine code in {path.parent.parent} is damaged or cannot be read; it is compiled again")
    return None


def _remove(path: Path) -> None:
    with suppress(OSError):  # a full or read-only disk: there is nothing that could be done about it here
        path.unlink(missing_ok=True)
