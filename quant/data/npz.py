"""Samples from an .npz file: arrays [samples, ...] named after the model's inputs (or `x`), labels `y`."""

import lzma
import math
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from numpot.ir import memory
from numpot.ir.formats.common.regular_file import open_regular
from numpot.ir.graph import Graph
from numpot.ir.ops.common.operator import Shape

from ..errors import DataError
from .loader import DataLoader, Sample

UNREADABLE = (
    OSError,
    ValueError,
    EOFError,
    RuntimeError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
)
LARGE = 2**28  # bytes; what unpacks to less does no harm
MOST_PACKED = 100  # times smaller than the array: more is an array of one number


class NpzData(DataLoader):
    """An .npz file as numpy.savez or numpy.savez_compressed writes it.

    What savez wrote is memory-mapped, so data larger than memory can be used; what is compressed is unpacked
    once. Arrays that the model does not need are not read. Raises DataError for a file or an array that
    cannot be used.
    """

    def __init__(self, path: Path, graph: Graph) -> None:
        self._path = path
        self._inputs = {parameter.name: parameter.output.shape for parameter in graph.inputs}
        self._reopen()

    def _reopen(self) -> None:
        try:
            with memory.account():
                self._open(self._inputs)
        except UNREADABLE as error:
            raise DataError(
                f"{self._path}: cannot be read as an .npz file ({error}). Write it with numpy.savez."
            ) from error

    def __getstate__(self) -> dict[str, Any]:
        """For another process, which opens the file itself."""
        return {"_path": self._path.absolute(), "_inputs": self._inputs}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._reopen()

    def _open(self, inputs: Mapping[str, Shape]) -> None:
        with open_regular(self._path) as file, zipfile.ZipFile(file) as archive:
            stored = {name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")}
            names = self._names(inputs, stored, archive)
            self._arrays = {name: read_array(archive, self._path, where) for name, where in names.items()}
            self._labels = (
                read_array(archive, self._path, "y") if "y" in stored and "y" not in inputs else None
            )
        self._check_lengths()

    def _names(
        self, inputs: Mapping[str, Shape], stored: set[str], archive: zipfile.ZipFile
    ) -> dict[str, str]:
        """Input -> the array that holds it."""
        if stored >= set(inputs):
            return {name: name for name in inputs}
        if len(inputs) == 1 and "x" in stored:
            return dict.fromkeys(inputs, "x")
        expected = ", ".join(f"{name!r} {_samples(shape)}" for name, shape in inputs.items())
        expected += " (or 'x')" if len(inputs) == 1 and "x" not in inputs else ""
        found = ", ".join(f"{name!r} {list(_shape_of(archive, name))}" for name in sorted(stored))
        raise DataError(
            f"{self._path}: expected an array for each input of the model, {expected}; found "
            f"{found or 'none'}."
        )

    def _check_lengths(self) -> None:
        arrays = self._arrays if self._labels is None else {**self._arrays, "y": self._labels}
        lengths = {name: len(array) for name, array in arrays.items()}
        if len(set(lengths.values())) > 1:
            found = ", ".join(f"{name!r}: {length}" for name, length in lengths.items())
            raise DataError(
                f"{self._path}: expected as many samples in every array, and as many labels, found {found}."
            )

    @property
    def name(self) -> str:
        return str(self._path)

    @property
    def lacks(self) -> str:
        return f"{self.name} has no array 'y'"

    def __len__(self) -> int:
        return len(next(iter(self._arrays.values())))

    def __getitem__(self, index: int) -> Sample:
        return {name: array[index] for name, array in self._arrays.items()}, self.label(index)

    def label(self, index: int) -> Any:
        return None if self._labels is None else self._labels[index]


def read_array(archive: zipfile.ZipFile, path: Path, name: str) -> np.ndarray:
    """One array of an .npz file: a view into the file where it is not compressed. Raises ValueError, never
    unpickles.
    """
    info = archive.getinfo(f"{name}.npy")
    with archive.open(info) as member:
        shape, fortran_order, dtype = _read_header(member)
        if dtype.hasobject:
            raise ValueError(f"array {name!r} holds Python objects")
        if not dtype.itemsize:
            raise ValueError(f"array {name!r} has elements of no bytes")
        if not shape:
            raise ValueError(f"array {name!r} is a single value, not one per sample")
        if any(isinstance(d, bool) or d < 0 for d in shape):
            raise ValueError(f"array {name!r} has the shape {list(shape)}")
        size, found = math.prod(shape) * dtype.itemsize, info.file_size - member.tell()
        if size != found:
            raise ValueError(f"array {name!r} of shape {list(shape)} needs {size} bytes, found {found}")
        if info.compress_type != zipfile.ZIP_STORED or not size:
            _check_unpacked(info, size, name)
            member.seek(0)
            return np.asarray(np.lib.format.read_array(member, allow_pickle=False))
        offset = _start(info, path) + member.tell()
    return np.memmap(path, dtype, "r", offset, shape, "F" if fortran_order else "C")


def _check_unpacked(info: zipfile.ZipInfo, size: int, name: str) -> None:
    """What is compressed takes memory. A little that becomes very much is a mistake, or meant to do harm."""
    if size > LARGE and size > MOST_PACKED * info.compress_size:
        raise ValueError(
            f"array {name!r} unpacks to {memory.shown(size)}, {size // max(info.compress_size, 1)} "
            "times what is stored"
        )
    memory.take(size, f"array {name!r}, unpacked,")


def _samples(shape: Shape) -> str:
    """The shape of an array of samples, N of them, for an input of a model."""
    return "[" + ", ".join(["N", *map(str, shape[1:])]) + "]"


def _shape_of(archive: zipfile.ZipFile, name: str) -> Shape:
    with archive.open(f"{name}.npy") as member:
        return _read_header(member)[0]


def _read_header(member: Any) -> tuple[tuple[int, ...], bool, np.dtype]:
    """(shape, whether the first axis varies fastest, element type). Raises ValueError."""
    version = np.lib.format.read_magic(member)
    try:
        if version == (1, 0):
            return np.lib.format.read_array_header_1_0(member)
        return np.lib.format.read_array_header_2_0(member)
    except (
        tokenize.TokenError,
        TypeError,
        SyntaxError,
        OverflowError,
        RecursionError,
        MemoryError,
        IndexError,
        KeyError,
    ) as error:
        raise ValueError(f"the header of an array is damaged ({error})") from error


def _start(info: zipfile.ZipInfo, path: Path) -> int:
    """Where the bytes of a zip member start: after its local header of 30 bytes, its name and its extra
    field.
    """
    with path.open("rb") as file:
        file.seek(info.header_offset + 26)
        name_length, extra_length = struct.unpack("<HH", file.read(4))
    return info.header_offset + 30 + name_length + extra_length
