"""Arguments that a caller gives, in messages and as paths."""

import os

from .errors import AnyPath, GraphError

MOST_SHOWN = 80  # characters of a value in a message


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
