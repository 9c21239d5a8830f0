"""The one decorator of all compiled kernels, and where their machine code is kept."""

import hashlib
import logging
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, cached_property
from inspect import isgeneratorfunction
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import numba
from llvmlite import binding
from numba.core import externals
from numba.core.caching import CompileResultCacheImpl, FunctionCache
from numba.core.ccallback import CFunc
from numba.core.runtime import rtsys

from .isa import ISA
from .kept_files import KeptFiles, say_once
from .temporary_files import TEMPORARY_FILES, remove_left_behind

F = TypeVar("F", bound=Callable[..., object])
KERNELS = Path(__file__).parents[1]
OPTIONS: Final = {"error_model": "numpy"}
config: Any = numba.config  # set at import, unknown to type checkers
log = logging.getLogger("numpot")


def kernel(function: F) -> F:
    """Compile on first call, without the interpreter lock, and keep the machine code on disk for the next
    process.

    Never with `fastmath`: float32 results promise the same bits as NumPy, so no product may be fused into a
    sum and no sum reordered.
    """
    with _our_folder() as folder:
        compiled: Any = numba.njit(nogil=True, no_cfunc_wrapper=True, **OPTIONS)(function)
        # numba could not call one that it finds on disk
        if folder is not None and not isgeneratorfunction(function):
            compiled._cache = KeptCode(function)
    return cast(F, compiled)


class Entry:
    """A function that compiled code calls by its address. It is compiled, or found on disk, when the address
    is first asked for: a program needs few of all there are.

    No compiled function can call it by name, so what is kept on disk is its machine code without the
    intermediate code. Numba keeps both, and reads both, so that it could compile callers; for large functions
    that takes more memory than a model's weights.
    """

    def __init__(self, function: Callable[..., None], signature: Any) -> None:
        self.function = function
        self._signature = signature

    @cached_property
    def address(self) -> int:
        self._compiled.compile()
        return cast(int, self._compiled.address)

    @property
    def was_found(self) -> bool:
        """Was the machine code found on disk, rather than compiled? Asks for it if nobody has."""
        return self.address != 0 and self._compiled.cache_hits > 0

    @cached_property
    def _compiled(self) -> Any:
        callback: Any = CFunc(
            self.function,
            (self._signature.args, self._signature.return_type),
            {},
            {"nopython": True, **OPTIONS},
        )
        with _our_folder() as folder:
            if folder is not None:
                callback._cache = MachineCodeCache(self.function)
        return callback


@contextmanager
def _our_folder() -> Iterator[Path | None]:
    """Caches that are made meanwhile keep their code in our folder; other people's functions keep
    their own.
    """
    outside = config.CACHE_DIR
    folder = cache_folder()
    config.CACHE_DIR = str(folder or "")
    try:
        yield folder
    finally:
        config.CACHE_DIR = outside


class KeptCode(FunctionCache):  # type: ignore[misc]
    """Numba's cache, without a quarter of a second before the first kernel runs: numba prepares to compile
    (it imports all that it can compile, SciPy's linear algebra among it) before it looks whether there is
    machine code. When there is none, the compiler prepares itself.

    Numba believes its files; these are verified (kept_files.py).
    """

    def __init__(self, function: Callable[..., object]) -> None:
        super().__init__(function)
        self._cache_file = KeptFiles(
            self._cache_path, self._impl.filename_base, self._impl.locator.get_source_stamp()
        )

    def load_overload(self, signature: Any, target: Any) -> Any:
        # what machine code calls: the memory of its arrays, and the C library's mathematics
        rtsys.initialize(target)
        externals.c_math_functions.install(target)
        with self._guard_against_spurious_io_errors():
            try:
                return self._load_overload(signature, target)
            # another process knew the function's module by another name, as a script or from a test: compile
            # again
            except ImportError:
                return None

    def save_overload(self, signature: Any, compiled: Any) -> None:
        try:
            super().save_overload(signature, compiled)
        except OSError as error:  # the folder is gone, or may no longer be written
            say_once(
                f"compiled kernels cannot be kept in {Path(self._cache_path).parent} ({error.strerror}); "
                "the next process will compile them again"
            )


class MachineCode(CompileResultCacheImpl):  # type: ignore[misc]
    """What numba writes of a compiled function, with empty functions in place of its intermediate code."""

    def reduce(self, compiled: Any) -> tuple[Any, ...]:
        (name, kind, (machine_code, _)), *rest = super().reduce(compiled)
        return (name, kind, (machine_code, _names_alone(compiled.library._final_module))), *rest


def _names_alone(module: binding.ModuleRef) -> bytes:
    """LLVM bitcode that defines what a module defines, emptily: from it numba learns which names the machine
    code has.
    """
    functions = [
        f'define void @"{f.name}"() {{ ret void }}' for f in module.functions if not f.is_declaration
    ]
    variables = [f'@"{v.name}" = global i8 0' for v in module.global_variables if not v.is_declaration]
    return binding.parse_assembly("\n".join(functions + variables)).as_bitcode()


class MachineCodeCache(KeptCode):
    """Machine code of entries, kept by their names: functions of one file that share their code, and differ
    in what they close over, must have different names.

    Numba would tell them apart by a pickle of what they close over. That names a compiled function by a
    number which every process draws anew, so the next process would find nothing.
    """

    _impl_class = MachineCode

    def _index_key(self, signature: Any, codegen: Any) -> Any:
        function = self._py_func
        code = hashlib.sha256(function.__code__.co_code).hexdigest()
        return signature, codegen.magic_tuple(), (function.__qualname__, code)


@cache
def cache_folder() -> Path | None:
    """A folder of this version of the kernels alone; None, and one warning, where nothing can be written.

    Numba compiles again only when the file of the cached function changes, not when a kernel it calls from
    another file does. So the folder is named after the bytes of all of them, and after the instruction set
    they are compiled for.
    """
    sources = b"".join(path.read_bytes() for path in sorted(KERNELS.rglob("*.py")))
    for base in candidates():
        folder = base / f"numpot-{hashlib.sha256(sources).hexdigest()[:16]}-{ISA.name}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=folder).close()
        except OSError:
            continue
        remove_left_behind(folder.rglob(TEMPORARY_FILES))  # by a process that was killed
        if not any(folder.rglob("*.nbc")):
            log.info(
                "compiling kernels for this processor, once; that takes up to a minute, and they are "
                "kept in %s",
                folder,
            )
        return folder
    warnings.warn(
        "no folder to keep compiled kernels in, so every process spends some seconds compiling them: "
        "set NUMBA_CACHE_DIR to a folder that can be written",
        stacklevel=2,
    )
    return None


def candidates() -> list[Path]:
    """Where machine code may live, best first: where the user says, beside the source, in the
    user's cache.
    """
    chosen = [Path(config.CACHE_DIR)] if config.CACHE_DIR else []
    return [
        *chosen,
        KERNELS / "__pycache__",
        Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser(),
    ]
