"""Accept models as arguments: a Graph, or the path of a model file, which is read; anything else is refused
in one sentence.
"""

import os

from .errors import AnyPath, GraphError
from .graph import Graph

MOST_SHOWN = 80  # characters of a value in a message


def as_graph(model: Graph | AnyPath, name: str = "the model") -> Graph:
    """A Graph as it is; a path is opened. Raises GraphError for anything else, IRError or OnnxError for a
    file that cannot be read.
    """
    if isinstance(model, Graph):
        return model
    if isinstance(model, str | os.PathLike):
        from .formats.model_files import read_model  # it knows the formats, which take time to import

        return read_model(model)
    raise GraphError(
        f"{name} must be a Graph, as read_model gives it, or the path of a model file, found {shown(model)}"
    )


def as_path(path: AnyPath) -> str:
    """A path as text. Raises GraphError for what is none."""
    if isinstance(path, str | os.PathLike) and isinstance(text := os.fspath(path), str):
        return text
    raise GraphError(f"path must be text or a pathlib.Path, found {shown(path)}")


def shown(value: object) -> str:
    """Any value, for a message: not long, and whatever its repr does. A class is called one, because its
    object was probably meant.
    """
    if isinstance(value, type):
        return f"the class {value.__name__} itself"
    try:
        text = repr(value)
    except Exception:  # whatever a caller's object, or a number of too many digits, raises
        text = f"a {type(value).__name__}"
    return text if len(text) <= MOST_SHOWN else text[:MOST_SHOWN] + "..."
