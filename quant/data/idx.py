"""Samples from IDX files, the format of MNIST: NAME-images-idx3-ubyte and NAME-labels-idx1-ubyte, each
gzipped or not.
"""

import gzip
import math
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from numpot.ir import memory
from numpot.ir.formats.common.regular_file import open_regular

from ..errors import DataError
from .loader import DataLoader, Sample

PIECE = 2**20  # bytes
IMAGES, LABELS = "-images-idx3-ubyte", "-labels-idx1-ubyte"


class IdxData(DataLoader):
    """One set of a folder, `train` or `t10k` by custom; it must be named if the folder holds several. Samples
    are uint8 HxW.
    """

    def __init__(self, folder: Path, wanted: str | None = None) -> None:
        sets = find_sets(folder)
        if wanted is None and len(sets) > 1:
            choices = " or ".join(f"{folder}:{name}" for name in sets)
            raise DataError(f"{folder}: holds {len(sets)} sets of IDX files; say which: {choices}.")
        self._folder = folder
        self._set = sets[0] if wanted is None else wanted
        images, labels = _file(folder, self._set + IMAGES), _file(folder, self._set + LABELS)
        if images is None:
            raise DataError(
                f"{folder}: expected a file {self._set}{IMAGES} (or .gz), found these sets: "
                f"{', '.join(sets) or 'none'}."
            )
        self._images = read_idx(images, dimensions=3)
        self._labels = None if labels is None else read_idx(labels, dimensions=1)
        if self._labels is not None and len(self._labels) != len(self._images):
            raise DataError(
                f"{labels}: expected {len(self._images)} labels, one per image, found {len(self._labels)}."
            )

    def __reduce__(self) -> tuple[type["IdxData"], tuple[Path, str]]:
        """For another process, which reads the files itself."""
        return IdxData, (self._folder.absolute(), self._set)

    @property
    def name(self) -> str:
        return f"{self._folder}:{self._set}"

    @property
    def lacks(self) -> str:
        return f"{self._folder} has no file {self._set}{LABELS}"

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> Sample:
        return self._images[index], None if self._labels is None else int(self._labels[index])


def find_sets(folder: Path) -> list[str]:
    """The names of the sets whose images the folder holds, sorted."""
    files = [*folder.glob(f"*{IMAGES}"), *folder.glob(f"*{IMAGES}.gz")]
    return sorted({p.name.removesuffix(".gz").removesuffix(IMAGES) for p in files})


def _file(folder: Path, name: str) -> Path | None:
    return next((p for p in (folder / name, folder / f"{name}.gz") if p.is_file()), None)


def read_idx(path: Path, dimensions: int) -> np.ndarray:
    """uint8 array of an IDX file: bytes 0, 0, 8 (unsigned byte), rank, the dimensions as big-endian int32,
    the elements.

    No more is read or unpacked than the dimensions say, and that is counted beforehand. Raises DataError,
    MemoryLimitError.
    """
    start = 4 + 4 * dimensions
    try:
        with open_regular(path) as stored, _unpacked(path, stored) as file:
            head = file.read(start)
            if head[:4] != bytes((0, 0, 8, dimensions)) or len(head) < start:
                raise DataError(
                    f"{path}: expected an IDX file of unsigned bytes with {dimensions} dimensions, "
                    f"found first bytes {list(head[:4])}."
                )
            shape = [int(d) for d in np.frombuffer(head, ">u4", dimensions, offset=4)]
            expected = math.prod(shape)
            memory.take(expected, f"{path} of shape {shape}")
            data = b"".join(_pieces(file, expected + 1))
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read ({error}). Download it again.") from error
    if len(data) != expected:
        found = "more" if len(data) > expected else len(data)
        raise DataError(
            f"{path}: expected {expected} bytes for shape {shape}, found {found}. Download it again."
        )
    return np.frombuffer(data, np.uint8).reshape(shape)


def _pieces(file: BinaryIO, most: int) -> Iterator[bytes]:
    """A file bit by bit, `most` bytes of it: what is not there takes no memory."""
    while most > 0 and (piece := file.read(min(most, PIECE))):
        yield piece
        most -= len(piece)


def _unpacked(path: Path, stored: BinaryIO) -> BinaryIO:
    return cast(BinaryIO, gzip.GzipFile(fileobj=stored)) if path.suffix == ".gz" else stored
