"""Classes of the user's own, named `module:Class` on the command line: data loaders, and metrics."""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from numpot.ir.errors import NumpotError
from numpot.ir.ops.common.operator import nearest

from ..errors import DataError
from .loader import DataLoader, Sample


def create(spec: str) -> Any:
    """An instance of `module:Class`, made without arguments. The module may lie in the current directory.
    Raises DataError.
    """
    module_name, _, class_name = spec.partition(":")
    with current_directory_importable(), failing_as(f"{spec}: cannot import {module_name!r}"):
        module = importlib.import_module(module_name)
    cls = getattr(module, class_name, None)
    if not isinstance(cls, type):
        classes = [name for name, value in vars(module).items() if isinstance(value, type)]
        raise DataError(
            f"{spec}: module {module_name!r} has no class {class_name!r}"
            + (nearest(class_name, classes) or ".")
        )
    with failing_as(f"{spec}: {class_name}() without arguments failed"):
        return cls()


class PluginData(DataLoader):
    """A user's loader under the name it was given by: a DataLoader, or any class with __len__ and
    __getitem__.
    """

    def __init__(self, spec: str) -> None:
        self._spec = spec
        self._loader = create(spec)
        for method in ("__len__", "__getitem__"):
            if not hasattr(self._loader, method):
                raise DataError(
                    f"{spec}: the class must be a DataLoader or have __len__ and __getitem__; {method} "
                    "is missing."
                )

    def __reduce__(self) -> tuple[type["PluginData"], tuple[str]]:
        """For another process, which makes an instance of its own."""
        return PluginData, (self._spec,)

    @property
    def name(self) -> str:
        return self._spec

    def __len__(self) -> int:
        return len(self._loader)

    def __getitem__(self, index: int) -> Sample:
        with failing_as(f"{self.where(index)} cannot be read"):
            return self._loader[index]


@contextmanager
def failing_as(what: str) -> Iterator[None]:
    """Foreign code may raise anything; the reason is kept in the message, the traceback as the
    error's cause.
    """
    try:
        yield
    except NumpotError:
        raise
    except Exception as error:
        raise DataError(f"{what} ({type(error).__name__}: {error}).") from error


@contextmanager
def current_directory_importable() -> Iterator[None]:
    """Only while the module is imported: left there, a file of the user's could hide a package that is
    imported later.
    """
    directory = str(Path.cwd())
    sys.path.insert(0, directory)
    try:
        yield
    finally:
        sys.path.remove(directory)
