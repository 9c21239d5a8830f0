"""Arrays beside a model: files in its own folder, each mapped once, however many tensors are parts of it."""

import hashlib
import mmap
import re
from pathlib import Path

import numpy as np
from onnx import TensorProto

from ..common.regular_file import open_regular
from .errors import OnnxError

KEYS = ("location", "offset", "length", "checksum")
# what int() takes beyond this (1_0, blanks, digits of other scripts) is no number in a file
_NUMBER = re.compile(r"[0-9]{1,19}")


class ExternalFiles:
    """The files that the tensors of one model name. folder: the model's, or None if there are only bytes."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._mapped: dict[str, np.ndarray] = {}
        self._sums: dict[str, str] = {}

    def read(self, tensor: TensorProto, expected: int) -> np.ndarray:
        """(expected,) u8, read-only, backed by the file. Only a plain file inside the model's own folder is
        ever opened.
        """
        keys, where = _keys(tensor)
        data = self._map(keys.get("location", ""), where)
        offset, length = (
            _number(keys, key, default, where) for key, default in (("offset", 0), ("length", expected))
        )
        if length != expected:
            raise OnnxError(f"{where}: expected {expected} bytes for this type and shape, found {length}")
        if offset > data.size - length:
            raise OnnxError(
                f"{where}: bytes {offset} to {offset + length} are not in the file, which has {data.size}"
            )
        if "checksum" in keys:
            self._check_sum(keys["location"], keys["checksum"], data, where)
        return data[offset : offset + length]

    def _map(self, location: str, where: str) -> np.ndarray:
        if location not in self._mapped:
            if self._folder is None:
                raise OnnxError(
                    f"{where} needs the model's folder; read the model from its path, not from bytes"
                )
            with open_regular(_contained(self._folder, location, where)) as file:
                size = file.seek(0, 2)
                content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if size else b""
            self._mapped[location] = np.frombuffer(content, np.uint8)
        return self._mapped[location]

    def _check_sum(self, location: str, expected: str, data: np.ndarray, where: str) -> None:
        """ONNX keeps SHA-1 of the whole file."""
        if location not in self._sums:
            self._sums[location] = hashlib.sha1(data.data, usedforsecurity=False).hexdigest()
        if self._sums[location] != expected.lower():
            found = self._sums[location]
            raise OnnxError(
                f"{where}: expected SHA-1 {expected[:60]}, found {found}; the file was changed, or "
                "belongs to another model"
            )


def _keys(tensor: TensorProto) -> tuple[dict[str, str], str]:
    """What a tensor says of where its data is, and how a message names it."""
    keys = {entry.key: entry.value for entry in tensor.external_data}
    where = f"tensor {tensor.name!r}: external data {keys.get('location', '')!r}"
    if unknown := next((key for key in keys if key not in KEYS), None):
        raise OnnxError(f"{where}: {unknown!r} is not known; expected {', '.join(KEYS)}")
    if len(keys) < len(tensor.external_data):
        raise OnnxError(f"{where}: a key is given twice")
    return keys, where


def _number(keys: dict[str, str], key: str, default: int, where: str) -> int:
    text = keys.get(key)
    if text is None:
        return default
    if not _NUMBER.fullmatch(text):
        raise OnnxError(f"{where}: {key} must be a number of bytes in decimal digits, found {text!r}")
    return int(text)


def _contained(folder: Path, location: str, where: str) -> Path:
    """The path of an external file: under `folder`, reached through no link, and under one name only."""
    relative = Path(location)
    if (
        not location
        or relative.is_absolute()
        or ".." in relative.parts
        or "\\" in location
        or ":" in location
    ):
        raise OnnxError(f"{where}: expected the path of a file in the model's folder")
    path = folder
    for part in relative.parts:
        path = path / part
        if path.is_symlink():
            raise OnnxError(f"{where}: links are not followed; put the file itself beside the model")
    if not path.is_file():
        raise OnnxError(f"{where}: there is no such file in {folder}")
    if path.stat().st_nlink != 1:
        raise OnnxError(f"{where}: the file has several names (hard links); put a copy beside the model")
    return path
