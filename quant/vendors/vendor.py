"""Vendor: what numpot needs to know of a runtime that it is compared with. Each runtime is a file that
declares one.

There are two ways to run a model. `compile` is for looking at every tensor: a graph goes in as a file of the
vendor's, and arrays come out by the names of its Results. `open` is for measuring speed: a file is compiled
for one set of inputs, the fastest way that the vendor documents, and nothing is copied that need not be.
"""

import importlib
import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from numpot.ir.errors import MissingExtraError
from numpot.ir.formats.model_files import Format
from numpot.ir.graph import Graph

Arrays = dict[str, np.ndarray]
Run = Callable[[Arrays], Arrays]
#: The folder is for the vendor's file, and stays as long as the function is used.
Compile = Callable[[Graph, Path], Run]

Inputs = Mapping[str, np.ndarray]
Inference = Callable[[], list[np.ndarray]]  # one inference: the outputs in the model's order
#: Compiles a file for these inputs and a number of threads.
Open = Callable[[Path, Inputs, int], Inference]


@dataclass(frozen=True)
class Vendor:
    """A runtime on the CPU.

    name: of its Python package, and of numpot's extra. title: as sentences call it. reads: the formats that
    it opens itself. config: what it is asked for, so that float layers are computed in float32. isa_variable:
    of the environment, read when its package is imported, which limits its instructions.
    """

    name: str
    title: str
    reads: tuple[Format, ...]
    compile: Compile
    open: Open
    config: Mapping[str, str] = field(default_factory=dict)
    isa_variable: str | None = None

    @property
    def is_installed(self) -> bool:
        return importlib.util.find_spec(self.name) is not None

    def describe(self, environment: Mapping[str, str]) -> str:
        """Name, version, and what was asked of it, by the environment too."""
        asked = [f"{key}={value}" for key, value in self.config.items()]
        if self.isa_variable and (isa := environment.get(self.isa_variable)):
            asked.append(f"{self.isa_variable}={isa}")
        return " ".join([self.name, version(self.name), *asked])


def import_vendor(name: str, purpose: str) -> Any:
    """A vendor's package. Raises MissingExtraError, which says what it is for."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingExtraError(name, name, purpose) from error


def new_file(folder: Path, suffix: str) -> Path:
    """The path of a file that is not in the folder yet."""
    return folder / f"{len(list(folder.iterdir()))}{suffix}"
