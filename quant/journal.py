"""The journal of finished evaluations: a run that was killed replays them and goes on.

One file per model, data, quantization parameters and metric, in the folder of the statistics cache. It is a row of frames, each appended by
one write and brought to disk:

    length       4 bytes, little-endian
    body         msgpack: first the header, then {"key", "values", "per_sample"} of one evaluation
    digest       32 bytes: SHA-256 of the digest of the frame before it and of the body

A process that dies while it writes leaves a frame that is too short; it is cut off when the file is opened again. Anything else that does
not fit its digest is refused.
"""

import hashlib
import os
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from .evaluator import Scores
from .state import pack, unpack
from .statistics_cache import MAX_BYTES, SHA256_BYTES, StatisticsCacheError

MAGIC: Final = "numpot evaluations"
FORMAT_VERSION: Final = 1
_LENGTH: Final = struct.Struct("<I")


class Journal:
    """Scores by key. folder: an open statistics cache's, so that no other process writes; None keeps them in memory only."""

    def __init__(self, folder: Path | None, header: Mapping[str, Any]) -> None:
        self._known: dict[str, Scores] = {}
        self._digest = b""
        self._path: Path | None = None
        if folder is None:
            return
        full = {"magic": MAGIC, "format_version": FORMAT_VERSION, **header}
        name = hashlib.sha256(repr(sorted(full.items())).encode()).hexdigest()[:16]
        self._path = folder / f"evaluations-{name}.msgpack"
        self._read(full)

    def __getitem__(self, key: str) -> Scores | None:
        return self._known.get(key)

    def add(self, key: str, scores: Scores) -> None:
        """Remember an evaluation, for good once this returns."""
        self._known[key] = scores
        if self._path is not None:
            self._append({"key": key, "values": scores.values, "per_sample": {n: pack(v) for n, v in scores.per_sample.items()}})

    def _append(self, record: Mapping[str, Any]) -> None:
        import msgpack

        body = msgpack.packb(record, use_bin_type=True)
        digest = hashlib.sha256(self._digest + body).digest()
        assert self._path is not None
        try:
            with self._path.open("ab", buffering=0) as file:
                file.write(_LENGTH.pack(len(body)) + body + digest)
                os.fsync(file.fileno())
        except OSError as error:
            raise StatisticsCacheError(f"{self._path}: cannot be written ({error.strerror})") from error
        self._digest = digest

    def _read(self, header: Mapping[str, Any]) -> None:
        path = self._path
        assert path is not None
        try:
            if path.exists() and path.stat().st_size > MAX_BYTES:
                raise StatisticsCacheError(f"{path}: has more than {MAX_BYTES} bytes. Delete the file")
            data = path.read_bytes() if path.exists() else b""
            records, whole = self._frames(data)
            if whole < len(data):
                os.truncate(path, whole)
        except OSError as error:
            raise StatisticsCacheError(f"{path}: cannot be read ({error.strerror})") from error
        if not records:
            self._append(header)
        elif records[0] != header:
            raise StatisticsCacheError(f"{path}: is of another model, data, parameters or metric. Delete the file")
        for record in records[1:]:
            try:
                arrays = {name: unpack(array, np.float64) for name, array in record["per_sample"].items()}
                self._known[record["key"]] = Scores(record["values"], arrays)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise StatisticsCacheError(f"{path}: an evaluation is damaged ({error}). Delete the file") from error

    def _frames(self, data: bytes) -> tuple[list[Any], int]:
        """The bodies of the whole frames, and how many bytes these take."""
        import msgpack

        bodies: list[Any] = []
        at = 0
        while at + _LENGTH.size <= len(data):
            (length,) = _LENGTH.unpack_from(data, at)
            start = at + _LENGTH.size
            end = start + length + SHA256_BYTES
            if end > len(data):
                break
            body = data[start : start + length]
            digest = hashlib.sha256(self._digest + body).digest()
            if digest != data[start + length : end]:
                raise StatisticsCacheError(f"{self._path}: 'sha256' of frame {len(bodies)} does not fit; it is damaged. Delete the file")
            bodies.append(msgpack.unpackb(body))
            self._digest, at = digest, end
        return bodies, at
