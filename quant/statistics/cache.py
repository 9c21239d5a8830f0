"""Keep statistics on disk: a run that was killed can be resumed, and a run with other parameters reuses what
it can.

One file in a folder of the user's choice, for one model and one set of samples:

    header       magic, format and algorithm version, model_sha256, samples, data_sha256
    passes       {SHA-256 of the graph that ran: {"tensor | statistic": state of the collector}}
    32 bytes     SHA-256 of all before them

It is replaced as a whole (ir/formats/common/atomic_files.py), so whatever happens there is a complete state,
the previous one or the next. It holds numbers and names only, and loading it makes nothing but those. Its
size is that of the statistics, which does not grow with the samples.
"""

import hashlib
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from numpot.ir.formats.common.atomic_files import replacing
from numpot.ir.formats.common.regular_file import open_regular, read_regular
from numpot.ir.graph import Graph, Tensor
from numpot.kernels.codegen.temporary_files import TEMPORARY_FILES, remove_left_behind

from ..data.fingerprints import model_digest
from ..errors import QuantizationError
from .collector import Collector

MAGIC: Final = "numpot statistics"
FORMAT_VERSION: Final = 1  # of the file
ALGORITHM_VERSION = 1  # of what the numbers mean: raised whenever a statistic would come out differently
FILE_NAME: Final = "statistics.msgpack"
LOCK_NAME: Final = "statistics.lock"
MAX_BYTES: Final = 2**30
SECONDS_BETWEEN_SAVES = 5.0  # a save takes milliseconds
SHA256_BYTES: Final = 32


class StatisticsCacheError(QuantizationError):
    """A statistics file that is damaged, or of another model or other data; or a folder that
    cannot be used.
    """


class StatisticsCache:
    """The file in `folder`; open it with `open_cache`, so that no other process does."""

    def __init__(self, folder: Path, header: Mapping[str, Any]) -> None:
        self._path = folder / FILE_NAME
        self._header = dict(header)
        self._passes: dict[str, dict[str, Any]] = (
            _load(self._path, self._header) if os.path.lexists(self._path) else {}
        )
        self._saved = time.monotonic()

    def restore(self, graph: Graph, wanted: Mapping[Tensor, list[Collector]]) -> "Pass":
        """Bring the collectors of a pass of `graph` to where they were when they were last saved."""
        known = self._passes.setdefault(model_digest(graph), {})
        for name, collector in _named(wanted):
            if name in known:
                try:
                    collector.restore(known[name])
                except (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError) as error:
                    raise StatisticsCacheError(
                        f"{self._path}: 'passes' is damaged at {name!r} ({error}). Delete the file"
                    ) from error
        return Pass(self, known, wanted)

    def save(self) -> None:
        import msgpack

        body = msgpack.packb({**self._header, "passes": self._passes}, use_bin_type=True)
        try:
            with replacing([self._path]) as (file,):
                file.write(body)
                file.write(hashlib.sha256(body).digest())
        except OSError as error:
            raise StatisticsCacheError(f"{self._path}: cannot be written ({error.strerror})") from error
        self._saved = time.monotonic()

    @property
    def is_due(self) -> bool:
        return time.monotonic() - self._saved >= SECONDS_BETWEEN_SAVES


class Pass:
    """The collectors of one run over the samples, and their place in the file."""

    def __init__(
        self, cache: StatisticsCache, known: dict[str, Any], wanted: Mapping[Tensor, list[Collector]]
    ) -> None:
        self._cache = cache
        self._known = known
        self._wanted = wanted

    def save(self) -> None:
        self._known.update({name: collector.state() for name, collector in _named(self._wanted)})
        self._cache.save()

    def save_if_due(self) -> None:
        if self._cache.is_due:
            self.save()


@contextmanager
def open_cache(
    folder: str | os.PathLike[str], model_sha256: str, samples: int, data_sha256: str
) -> Iterator[StatisticsCache]:
    """The statistics in `folder`, which is made if it is not there. Raises StatisticsCacheError."""
    header = {
        "magic": MAGIC,
        "format_version": FORMAT_VERSION,
        "algorithm_version": ALGORITHM_VERSION,
        "model_sha256": model_sha256,
        "samples": samples,
        "data_sha256": data_sha256,
    }
    path = Path(folder)
    try:
        path.mkdir(exist_ok=True)
        _refuse_other_than_file(path / LOCK_NAME)
        lock = (path / LOCK_NAME).open("ab")
    except (OSError, ValueError) as error:  # ValueError: characters that no name of a file has
        raise StatisticsCacheError(
            f"statistics_cache {str(path)!r} cannot be used as a folder ({getattr(error, 'strerror', error)})"
        ) from error
    with lock:
        _lock(lock.fileno(), path)
        remove_left_behind(path.glob(TEMPORARY_FILES))
        yield StatisticsCache(path, header)


def _refuse_other_than_file(path: Path) -> None:
    """Raises OSError for what is there and no file: to open a pipe would wait for its reader."""
    if os.path.lexists(path):
        open_regular(path).close()


def _lock(descriptor: int, path: Path) -> None:
    """One process at a time. The lock goes with the process, however it ends; where the system has none,
    nothing is locked.
    """
    if os.name == "posix":
        import fcntl

        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StatisticsCacheError(
                f"statistics_cache {str(path)!r} is in use by another process; wait for it, or name "
                "another folder"
            ) from error


# ---- reading -----------------------------------------------------------------------------------------------


def _load(path: Path, expected: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The passes of a file whose header is as expected."""
    state = _verified(path)
    for field, value in expected.items():
        found = state.get(field)
        if found != value:
            raise StatisticsCacheError(
                f"{path}: {field!r} is {_short(found)}, expected {_short(value)}{_meaning(field)}. Name "
                "another folder, or delete the file"
            )
    passes = state.get("passes")
    if not isinstance(passes, dict) or not all(isinstance(p, dict) for p in passes.values()):
        raise StatisticsCacheError(f"{path}: 'passes' is damaged. Delete the file")
    return passes


def _verified(path: Path) -> dict[str, Any]:
    import msgpack

    try:
        if path.stat().st_size > MAX_BYTES:
            raise StatisticsCacheError(
                f"{path}: has {path.stat().st_size} bytes; at most {MAX_BYTES} are read. Delete the file"
            )
        data = read_regular(path)
    except OSError as error:
        raise StatisticsCacheError(f"{path}: cannot be read ({error.strerror})") from error
    body, checksum = data[:-SHA256_BYTES], data[-SHA256_BYTES:]
    if hashlib.sha256(body).digest() != checksum:
        raise StatisticsCacheError(
            f"{path}: 'sha256' does not fit the {len(data)} bytes of the file; it is damaged. Delete the file"
        )
    try:
        state = msgpack.unpackb(body)  # its limits are the length of what it is given
    except (ValueError, msgpack.UnpackException) as error:
        raise StatisticsCacheError(f"{path}: is not a statistics file ({error}). Delete the file") from error
    if not isinstance(state, dict):
        raise StatisticsCacheError(
            f"{path}: 'magic' is missing; this is not a statistics file. Delete the file"
        )
    return state


def _meaning(field: str) -> str:
    meanings = {
        "model_sha256": ": these are statistics of another model",
        "samples": ": another number of samples was calibrated with",
        "data_sha256": ": other samples were calibrated with, or in another order",
    }
    return meanings.get(field, ": another version of numpot wrote it")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 24 else f"{text[:13]}...{text[-1]}"


def _named(wanted: Mapping[Tensor, list[Collector]]) -> list[tuple[str, Collector]]:
    return [(f"{tensor.name} | {c.key}", c) for tensor, collectors in wanted.items() for c in collectors]
