"""The journal of finished evaluations: a run that was killed reads it and continues.

One file per model, data, quantization parameters and metric, in the folder of the statistics cache. It is a
row of frames, each appended by one write and brought to disk:

    length       8 bytes, little-endian: of the body
    seal         32 bytes: SHA-256 of the digest of the frame before it, and of the length
    body         msgpack: first the header, then {"key", "values", "per_sample"} of one evaluation
    digest       32 bytes: SHA-256 of the seal and of the body

A process that dies while it writes leaves a frame that is too short; it is cut off, with a line that says so,
when the file is opened again. The seal tells it from a frame whose length was damaged. What does not fit its
seal or digest is refused, and stays as it is.
"""

import hashlib
import io
import logging
import math
import os
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from numpot.ir.formats.common.regular_file import read_regular

from ...statistics.cache import MAX_BYTES, SHA256_BYTES, StatisticsCacheError
from ...statistics.collector import pack, unpack
from .evaluator import Scores

MAGIC: Final = "numpot evaluations"
FORMAT_VERSION: Final = 2
_LENGTH: Final = struct.Struct("<Q")
_HEAD: Final = _LENGTH.size + SHA256_BYTES
log = logging.getLogger("numpot")


class Journal:
    """Scores by key. folder: an open statistics cache's, so that no other process writes; None keeps them in
    memory only.
    """

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
            self._append(
                {
                    "key": key,
                    "values": scores.values,
                    "per_sample": {n: pack(v) for n, v in scores.per_sample.items()},
                }
            )

    def _append(self, record: Mapping[str, Any]) -> None:
        import msgpack

        body = msgpack.packb(record, use_bin_type=True)
        length = _LENGTH.pack(len(body))
        seal = hashlib.sha256(self._digest + length).digest()
        digest = hashlib.sha256(seal + body).digest()
        assert self._path is not None
        try:
            with self._path.open("ab", buffering=0) as file:
                _write_whole(file, length + seal + body + digest)
        except OSError as error:
            raise StatisticsCacheError(f"{self._path}: cannot be written ({error.strerror})") from error
        self._digest = digest

    def _read(self, header: Mapping[str, Any]) -> None:
        path = self._path
        assert path is not None
        try:
            if path.exists() and path.stat().st_size > MAX_BYTES:
                raise StatisticsCacheError(f"{path}: has more than {MAX_BYTES} bytes. Delete the file")
            data = read_regular(path) if os.path.lexists(path) else b""
            records, whole = self._frames(data)
            if whole < len(data):
                log.warning(
                    "%s: the last evaluation was not written completely; it is removed, and will be repeated",
                    path,
                )
                os.truncate(path, whole)
        except OSError as error:
            raise StatisticsCacheError(f"{path}: cannot be read ({error.strerror})") from error
        if not records:
            self._append(header)
        elif records[0] != header:
            raise StatisticsCacheError(
                f"{path}: is of another model, data, parameters or metric. Delete the file"
            )
        for record in records[1:]:
            try:
                self._known[record["key"]] = _scores(record)
            except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
                raise StatisticsCacheError(
                    f"{path}: an evaluation is damaged ({error}). Delete the file"
                ) from error

    def _frames(self, data: bytes) -> tuple[list[Any], int]:
        """The bodies of the whole frames, and how many bytes these take."""
        import msgpack

        bodies: list[Any] = []
        at = 0
        while at + _HEAD <= len(data):
            length, seal = data[at : at + _LENGTH.size], data[at + _LENGTH.size : at + _HEAD]
            self._compare(seal, self._digest + length, len(bodies))
            end = at + _HEAD + _LENGTH.unpack(length)[0] + SHA256_BYTES
            if end > len(data):
                break
            body = data[at + _HEAD : end - SHA256_BYTES]
            self._compare(data[end - SHA256_BYTES : end], seal + body, len(bodies))
            try:
                bodies.append(msgpack.unpackb(body))
            except (ValueError, msgpack.UnpackException) as error:
                raise StatisticsCacheError(
                    f"{self._path}: frame {len(bodies)} is no evaluation ({error}). Delete the file"
                ) from error
            self._digest, at = data[end - SHA256_BYTES : end], end
        return bodies, at

    def _compare(self, digest: bytes, content: bytes, frame: int) -> None:
        if hashlib.sha256(content).digest() != digest:
            raise StatisticsCacheError(
                f"{self._path}: 'sha256' of frame {frame} does not fit; it is damaged. Delete the file"
            )


def _write_whole(file: io.FileIO, data: bytes) -> None:
    """Append to a file and bring it to disk: all, or, if that fails, nothing. Raises OSError."""
    start = file.seek(0, os.SEEK_END)
    try:
        written = 0
        while written < len(data):
            written += file.write(data[written:]) or 0
        os.fsync(file.fileno())
    except BaseException:
        file.truncate(start)
        raise


def _scores(record: Any) -> Scores:
    """Raises ValueError, KeyError, TypeError or AttributeError for what is no evaluation."""
    values = {name: value for name, value in record["values"].items() if isinstance(name, str)}
    if len(values) < len(record["values"]) or not all(
        isinstance(v, float | int) and not math.isnan(v) for v in values.values()
    ):
        raise ValueError("'values' must be numbers by the names of metrics")
    if not isinstance(record["key"], str):
        raise ValueError("'key' must be text")
    return Scores(values, {name: unpack(array, np.float64) for name, array in record["per_sample"].items()})
