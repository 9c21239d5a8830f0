"""What a model is: graph, file formats, operators, how it runs."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .executor import Executor as Executor
    from .files import read_model as read_model
    from .files import save_model as save_model
    from .graph import Graph as Graph
    from .interpreter import Interpreter as Interpreter

# Imported when first used, so that whoever needs one of them does not wait for numba, or for lxml.
_HOMES = {"read_model": "files", "save_model": "files", "Graph": "graph", "Interpreter": "interpreter", "Executor": "executor"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
