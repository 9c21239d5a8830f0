"""Classes: which label each folder of pictures stands for.

A file of classes goes before what the model records of itself, and that before the order of the folders'
names.
"""

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from numpot.ir.arguments import shown
from numpot.ir.errors import AnyPath
from numpot.ir.formats.common.regular_file import read_regular
from numpot.ir.graph import Graph

from ..errors import DataError

INFO: Final = "classes"  # where a model keeps them: a list of names in `graph.info`
MOST_SHOWN: Final = 10  # classes in a line for people
BY_NAME: Final = "the order of the folders' names"
BY_MODEL: Final = "the model"


@dataclass(frozen=True)
class Classes:
    """names: of the folders, by label: the first one is label 0. source: who says so. Raises DataError for
    names that are no mapping.
    """

    names: tuple[str, ...]
    source: str

    def __post_init__(self) -> None:
        first: dict[str, int] = {}
        for label, name in enumerate(self.names):
            if not name:
                raise DataError(f"{self.source}: label {label} has no name; give one class name a line.")
            if name in first:
                raise DataError(
                    f"{self.source}: class {name!r} is named twice, for labels {first[name]} and {label}."
                )
            first[name] = label
        if not self.names:
            raise DataError(f"{self.source}: expected one class name a line, found none.")

    @property
    def is_given(self) -> bool:
        """Whether somebody said so, and it was not taken from the folders."""
        return self.source != BY_NAME

    @property
    def labels(self) -> dict[str, int]:
        """Name -> label."""
        return {name: label for label, name in enumerate(self.names)}

    @property
    def sentence(self) -> str:
        """For people, in one line."""
        shown = ", ".join(f"{label} = {name}" for label, name in enumerate(self.names[:MOST_SHOWN]))
        more = len(self.names) - MOST_SHOWN
        return f"classes by {self.source}: {shown}" + (f" and {more} more" if more > 0 else "")

    def misfit(self, found: Collection[str]) -> str:
        """What is wrong with folders of pictures of these names: one is no class, or there is none at all.
        Nothing if they fit.
        """
        for name in found:
            if name not in self.labels:
                return f"sub-folder {name!r} is none of the {len(self.names)} classes by {self.source}"
        return (
            ""
            if found
            else f"there is no sub-folder with pictures, and {self.source} names {len(self.names)} classes"
        )

    def without_folder(self, found: Collection[str]) -> str:
        """A sentence about the classes that have no folder, or nothing; they keep their labels."""
        absent = [repr(name) for name in self.names if name not in found]
        if not absent:
            return ""
        more = f" and {len(absent) - MOST_SHOWN} more" if len(absent) > MOST_SHOWN else ""
        return (
            f"{len(absent)} of {len(self.names)} classes by {self.source} have no folder: "
            f"{', '.join(absent[:MOST_SHOWN])}{more}"
        )


def as_classes(classes: "AnyPath | Sequence[str] | Classes") -> Classes:
    """From a file with one name a line, or from the names themselves, in the order of their labels. Raises
    DataError.
    """
    if isinstance(classes, Classes):
        return classes
    if isinstance(classes, str | os.PathLike):
        return read_classes(Path(classes))
    if isinstance(classes, list | tuple) and all(isinstance(name, str) for name in classes):
        return Classes(tuple(classes), "the list given")
    raise DataError(
        "classes must be the path of a file with one name a line, or a list of names, found "
        f"{shown(classes)}."
    )


def read_classes(path: Path) -> Classes:
    """One class name a line; the first line is label 0. Spaces at the ends of lines, and empty lines at the
    end, do not count.
    """
    try:
        text = read_regular(path).decode("utf-8-sig")
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}).") from error
    except UnicodeDecodeError:
        raise DataError(f"{path}: expected text in UTF-8, one class name a line.") from None
    return Classes(tuple(line.strip() for line in text.rstrip().splitlines()), str(path))


def recorded_classes(graph: Graph) -> Classes | None:
    """What the model says of itself, or None. Raises DataError for a record that is none."""
    record = graph.info.get(INFO)
    if record is None:
        return None
    if not isinstance(record, list | tuple) or not all(isinstance(name, str) for name in record):
        raise DataError(f"model {graph.name!r}: {INFO} must be a list of names, found {shown(record)}.")
    return Classes(tuple(record), BY_MODEL)


def record_classes(graph: Graph, classes: Classes | None) -> None:
    """Note in the model which class each label is, so that whoever measures it reads folders likewise."""
    if classes is not None:
        graph.info[INFO] = list(classes.names)
