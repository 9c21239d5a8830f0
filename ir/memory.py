"""The memory budget for reading a model, folding its constants and running it; checked before memory is
allocated.

    with memory.budget(2 * 2**30):          # bytes; without one half of the machine's memory
        graph = read_model("m.onnx")

NUMPOT_MEMORY=2GiB says the same for a process and those that it starts. Whoever would pass the budget gets a
MemoryLimitError that names the layer and the size.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Final

from .errors import MemoryLimitError, NumpotError

VARIABLE: Final = "NUMPOT_MEMORY"
# of the machine's memory, or of the container's; the rest is for whoever else is there, and for copies
SHARE: Final = 0.5
UNITS: Final = {
    "": 1,
    "B": 1,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KIB": 2**10,
    "MIB": 2**20,
    "GIB": 2**30,
    "TIB": 2**40,
}
_SIZE: Final = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,6})?) *([A-Za-z]{0,3})")
_CGROUPS: Final = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


class Account:
    """What one reading has made so far in bytes, and how much it has computed."""

    def __init__(self) -> None:
        self.taken = 0
        self.operations = 0


_limit: ContextVar[int | None] = ContextVar("limit", default=None)
_account: ContextVar[Account | None] = ContextVar("account", default=None)


def limit() -> int:
    """The budget in bytes: of the innermost `budget`, of NUMPOT_MEMORY, or a share of the
    machine's memory.
    """
    chosen = _limit.get()
    if chosen is not None:
        return chosen
    text = os.environ.get(VARIABLE)
    return parse_size(text, VARIABLE) if text else int(SHARE * machine_memory())


@contextmanager
def budget(size: int) -> Iterator[None]:
    """What the block does may take so many bytes."""
    if isinstance(size, bool) or not isinstance(size, int) or size < 1:
        raise NumpotError(f"a memory budget must be a positive number of bytes, found {size!r}")
    token = _limit.set(size)
    try:
        yield
    finally:
        _limit.reset(token)


@contextmanager
def account() -> Iterator[None]:
    """What the block takes is summed up, together with what a block around it has taken."""
    token = _account.set(_account.get() or Account())
    try:
        yield
    finally:
        _account.reset(token)


def take(size: int, what: str) -> None:
    """Count memory that is about to be taken. Raises MemoryLimitError if it passes the budget: then nothing
    may be taken.
    """
    open_account = _account.get()
    before = open_account.taken if open_account else 0
    if before + size > limit():
        already = f", after {shown(before)} for what was read before it" if before else ""
        raise MemoryLimitError(
            f"{what} needs {shown(size)}{already}; the memory budget is {shown(limit())}. "
            f"If that is wanted, and there, raise it with --memory or {VARIABLE}"
        )
    if open_account:
        open_account.taken += size


def spend(operations: int, most: int) -> bool:
    """Whether a reading may compute so much more, `most` in all. If so it is counted."""
    open_account = _account.get() or Account()
    if open_account.operations + operations > most:
        return False
    open_account.operations += operations
    return True


def parse_size(text: str, what: str) -> int:
    """ "4GB", "1.5 GiB" or a number of bytes -> bytes."""
    match = _SIZE.fullmatch(text.strip())
    unit = UNITS.get(match[2].upper()) if match else None
    size = int(float(match[1]) * unit) if match and unit else 0
    if size < 1:
        raise NumpotError(f"{what} must be a number of bytes such as 4GiB or 500MB, found {text[:80]!r}")
    return size


def shown(size: float) -> str:
    """A size for people."""
    units = ("bytes", "KiB", "MiB", "GiB", "TiB")
    power = min(max(int(size).bit_length() - 1, 0) // 10, len(units) - 1)
    return f"{size / 2 ** (10 * power):.4g} {units[power]}"


@cache
def machine_memory() -> int:
    """Bytes that this process may have at most: the machine's, or its container's."""
    sizes = [_of_the_system()]
    for name in _CGROUPS:
        try:
            sizes.append(int(Path(name).read_text("ascii")))
        except (OSError, ValueError):  # no such file, or it says "max"
            continue
    return min(size for size in sizes if size > 0)


def _of_the_system() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows
        return 8 * 2**30
