"""The one decorator of all compiled kernels, and where their machine code is kept."""

import functools
import hashlib
import logging
import os
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

from .isa import ISA

F = TypeVar("F", bound=Callable[..., object])
HERE = Path(__file__).parent
config: Any = numba.config  # set at import, unknown to type checkers
log = logging.getLogger("numpot")


def kernel(function: F) -> F:
    """Compile on first call, without the interpreter lock, and keep the machine code on disk for the next process.

    Never with `fastmath`: float32 results promise the same bits as NumPy, so no product may be fused into a sum and no sum reordered.
    """
    folder = cache_folder()
    outside = config.CACHE_DIR
    config.CACHE_DIR = str(folder or "")  # read by njit when it decorates; other people's functions keep their own folder
    try:
        return cast(F, numba.njit(nogil=True, error_model="numpy", cache=folder is not None)(function))
    finally:
        config.CACHE_DIR = outside


@functools.cache
def cache_folder() -> Path | None:
    """A folder of this version of the kernels alone; None, and one warning, where nothing can be written.

    Numba compiles again only when the file of the cached function changes, not when a kernel it calls from another file does. So the
    folder is named after the bytes of all of them, and after the instruction set they are compiled for.
    """
    sources = b"".join(path.read_bytes() for path in sorted(HERE.glob("*.py")))
    for base in candidates():
        folder = base / f"numpot-{hashlib.sha256(sources).hexdigest()[:16]}-{ISA.name}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=folder).close()
        except OSError:
            continue
        if not any(folder.rglob("*.nbc")):
            log.info("compiling kernels for this processor, once; that takes up to a minute, and they are kept in %s", folder)
        return folder
    warnings.warn(
        "no folder to keep compiled kernels in, so every process spends some seconds compiling them: "
        "set NUMBA_CACHE_DIR to a folder that can be written",
        stacklevel=2,
    )
    return None


def candidates() -> list[Path]:
    """Where machine code may live, best first: where the user says, beside the source, in the user's cache."""
    chosen = [Path(config.CACHE_DIR)] if config.CACHE_DIR else []
    return [*chosen, HERE / "__pycache__", Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()]
