"""Samples from a folder of pictures, labelled by class sub-folders or by a file labels.txt."""

import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader, FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import numpy as np

from numpot.ir.formats.common.regular_file import open_regular, read_regular
from numpot.ir.graph import Graph

from ..errors import DataError
from .classes import BY_NAME, Classes, recorded_classes
from .loader import DataLoader, Sample

if TYPE_CHECKING:
    from PIL.Image import Image

log = logging.getLogger("numpot")
LABEL = re.compile(r"[0-9]{1,18}")  # what an int64 can hold
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")


class ImageFolder(DataLoader):
    """Pictures in the order of their names, scaled (bilinear) to the model's height and width.

    Samples are uint8, HxWx3 in the order red, green, blue, or HxW if the model has one channel. Every file is
    opened at once, which reads its first bytes only, so that one that is no picture is refused before any
    work. classes: which label each sub-folder stands for; by default as the model records, or by the order of
    their names. Raises DataError.
    """

    def __init__(self, folder: Path, graph: Graph, classes: Classes | None = None) -> None:
        self._folder = folder
        self._mode, self._size = _target(folder, graph)
        self._files, self._labels, self._classes, self._lacks = find_images(
            folder, classes, recorded_classes(graph)
        )
        for file in self._files:
            with _opened(file) as image:
                if image.mode.startswith(("I", "F")):  # Pillow would clip what is above 255
                    raise DataError(
                        f"{file}: expected 8 bits per channel, found Pillow mode {image.mode!r}. "
                        "Convert it, or give an .npz."
                    )

    def __getstate__(self) -> dict[str, Any]:
        """For another process, whose current directory may be another."""
        return vars(self) | {
            "_folder": self._folder.absolute(),
            "_files": [file.absolute() for file in self._files],
        }

    @property
    def name(self) -> str:
        return str(self._folder)

    @property
    def lacks(self) -> str:
        return self._lacks

    @property
    def classes(self) -> Classes | None:
        return self._classes

    def where(self, index: int) -> str:
        return str(self._files[index])

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, index: int) -> Sample:
        from PIL.Image import Resampling

        with _opened(self._files[index]) as image:
            pixels = np.asarray(image.convert(self._mode).resize(self._size, Resampling.BILINEAR))
        return pixels, self.label(index)

    def label(self, index: int) -> int | None:
        return None if self._labels is None else self._labels[index]


class Pictures(NamedTuple):
    """files and their labels, None without any; what the labels stand for; and, if labels are missing, what
    would have given them.
    """

    files: list[Path]
    labels: list[int] | None
    classes: Classes | None = None
    lacks: str = ""


def find_images(folder: Path, given: Classes | None = None, recorded: Classes | None = None) -> Pictures:
    """The pictures of a folder and of its sub-folders, with labels from labels.txt or else from the
    sub-folders.

    given, recorded: the classes that a caller, and the model, name. Raises DataError if there are no
    pictures, or labels for some only, and for sub-folders that are none of the classes given; where they are
    none of those recorded, the pictures have no labels.
    """
    sub_folders = _in_order([p for p in folder.iterdir() if p.is_dir() and not p.name.startswith(".")])
    top, nested = _pictures(folder), {p.name: files for p in sub_folders if (files := _pictures(p))}
    files = top + [file for of_class in nested.values() for file in of_class]
    if not files:
        raise DataError(
            f"{folder}: expected pictures ({' '.join(SUFFIXES)}) or IDX files "
            "(train-images-idx3-ubyte), found neither."
        )
    if (folder / "labels.txt").is_file():
        if given is not None:
            raise DataError(
                f"{folder}: labels.txt gives the labels; classes by {given.source} mean nothing then. "
                "Leave out one of them."
            )
        return Pictures(files, _read_labels(folder / "labels.txt", files))
    if top and nested:
        count = len(files) - len(top)
        raise DataError(
            f"{folder}: {top[0].name} is in no class sub-folder, but {count} pictures are. Move it, or "
            "write labels.txt."
        )
    if given is not None:
        if problem := given.misfit(nested):
            raise DataError(
                f"{folder}: {problem}. Name the sub-folders as the classes are, or the classes as these."
            )
        if absent := given.without_folder(nested):
            log.warning(absent)
    if not nested:
        return Pictures(files, None, lacks=f"{folder} has neither class sub-folders nor a file labels.txt")
    if given is None and recorded is not None and (problem := recorded.misfit(nested)):
        return Pictures(files, None, lacks=f"{folder}: {problem}; name the classes in a file (--classes)")
    classes = given or recorded or Classes(tuple(p.name for p in sub_folders), BY_NAME)
    return Pictures(
        files, [classes.labels[name] for name, of_class in nested.items() for _ in of_class], classes
    )


def _in_order(classes: list[Path]) -> list[Path]:
    """Sort by name; by number if all names are numbers, so that 10 comes after 9."""
    if all(p.name.isascii() and p.name.isdigit() for p in classes):
        return sorted(classes, key=lambda p: (int(p.name), p.name))
    return sorted(classes)


def _pictures(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES and not p.name.startswith("."))


def _read_labels(path: Path, files: list[Path]) -> list[int]:
    """Labels of `files` from lines `file label`, files being relative to the folder of labels.txt."""
    labels: dict[Path, int] = {}
    for number, line in enumerate(read_regular(path).decode("utf-8", "replace").splitlines(), 1):
        if not line.strip():
            continue
        name, _, label = line.replace("\t", " ").strip().rpartition(" ")
        if not name or not LABEL.fullmatch(label):
            raise DataError(f"{path}:{number}: expected a file and an integer label, found {line!r}.")
        labels[path.parent / name.strip()] = int(label)
    for file in files:
        if file not in labels:
            raise DataError(
                f"{path}: has no label for {file.relative_to(path.parent).as_posix()}. Add a line, or "
                "remove the picture."
            )
    absent = labels.keys() - set(files)
    if absent:
        raise DataError(
            f"{path}: names {min(absent).relative_to(path.parent).as_posix()}, and there is no such picture."
        )
    return [labels[file] for file in files]


def _target(folder: Path, graph: Graph) -> tuple[str, tuple[int, int]]:
    """(Pillow mode, (width, height)) of the model's input."""
    shapes = [parameter.output.shape for parameter in graph.inputs]
    if len(shapes) != 1 or len(shapes[0]) != 4 or shapes[0][1] not in (1, 3):
        found = ", ".join(str(list(shape)) for shape in shapes)
        raise DataError(
            f"{folder}: pictures fit a model with one input [N, 1 or 3, H, W]; this one has {found}. "
            "Give an .npz."
        )
    _, channels, height, width = shapes[0]
    return ("L" if channels == 1 else "RGB"), (width, height)


class Bounded(BufferedReader):
    """A file that is asked for no more bytes than it has: Python takes memory for as many as it asks for, and
    Pillow asks for as many as a damaged picture says."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(FileIO(os.dup(file.fileno())))
        self._size = os.fstat(file.fileno()).st_size

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(size if size is None else min(size, self._size))


@contextmanager
def _opened(file: Path) -> "Iterator[Image]":
    """A picture; reading its pixels inside the context reports failures by its name too."""
    from PIL import Image

    try:
        with open_regular(file) as content, Bounded(content) as bounded, Image.open(bounded) as image:
            yield image
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"{file}: cannot be read as a picture ({error}). Repair or remove it.") from error
