"""Import public names of a package when they are first used, so that importing the package stays fast."""

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any


def lazy_exports(
    package: str, homes: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """`__getattr__`, `__dir__` and `__all__` of a package whose public names live in its modules.

    homes: name -> module inside the package, or, with a dot in front, beside it; a name like `__version__` is
    found, but no part of `__all__`. Completion in an editor or shell shows the public names alone.
    """

    def find(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f".{homes[name]}", package), name)

    def names() -> list[str]:
        return sorted({*homes, *(n for n in vars(sys.modules[package]) if n.startswith("__"))})

    return find, names, [name for name in homes if not name.startswith("_")]
