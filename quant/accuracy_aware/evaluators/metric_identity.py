"""Compute text that is the same for two metrics only if they measure the same, as a key of the journal."""

import hashlib
import inspect
import types
import uuid
from collections.abc import Iterator
from typing import Any

import numpy as np

# id() -> place, and the value, so that it lives on and no other gets its id()
_Seen = dict[int, tuple[int, object]]


def identity(instance: object) -> str:
    """A class by its name and source, those it inherits from likewise, and what its instance holds: what it
    was made with.

    For a metric take it after `reset`, so that it holds nothing that was measured. What cannot be read (a
    handle of a library in C) makes the identity another one in each run: a journal is then not shared, which
    costs time, rather than shared wrongly.
    """
    cls = type(instance)
    return f"{getattr(instance, 'name', '')} {cls.__module__}:{cls.__qualname__} {described(instance)}"


def described(value: object) -> str:
    """A digest of a value of any kind, equal for equal values."""
    return hashlib.sha256("\0".join(_described(value, {})).encode()).hexdigest()


def class_identity(cls: type) -> str:
    """Names and sources of a class and its bases."""
    return "\n".join(f"{c.__module__}:{c.__qualname__} {_source(c)}" for c in cls.__mro__ if c is not object)


def _source(code: Any) -> str:
    try:
        return inspect.getsource(code)
    except (OSError, TypeError):  # typed into a console, or written in C
        return ""


def _described(value: Any, seen: _Seen) -> Iterator[str]:
    """A value piece by piece; what was met before (and may hold itself) is named by its place."""
    if value is None or isinstance(value, bool | int | float | complex | str | bytes):
        yield f"{type(value).__name__} {value!r}"
        return
    if isinstance(value, np.generic) and not value.dtype.hasobject:
        yield f"{value.dtype} {value.tobytes()!r}"
        return
    if id(value) in seen:
        yield f"again {seen[id(value)][0]}"
        return
    seen[id(value)] = len(seen), value
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        yield (
            f"array {value.dtype} {value.shape} "
            f"{hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()}"
        )
    elif isinstance(value, type | types.ModuleType):
        yield f"{type(value).__name__} {value.__name__} {_source(value)}"
    elif isinstance(value, types.FunctionType):
        yield f"function {value.__module__} {value.__qualname__} {_source(value) or uuid.uuid4()}"
        yield from _all([value.__defaults__, value.__kwdefaults__, *_cells(value)], seen)
    elif isinstance(value, dict):
        yield f"{type(value).__name__} {len(value)}"
        yield from _all([part for item in value.items() for part in item], seen)
    elif isinstance(value, list | tuple):
        yield f"{type(value).__name__} {len(value)}"
        yield from _all(value, seen)
    elif isinstance(value, set | frozenset):
        yield f"{type(value).__name__} {sorted(map(repr, value))}"
    else:
        yield from _object(value, seen)


def _object(value: Any, seen: _Seen) -> Iterator[str]:
    """Any other object by its class and what pickle would keep of it."""
    yield class_identity(type(value))
    try:
        kept = value.__reduce_ex__(4)
    except Exception:  # foreign code: it may raise anything
        yield str(uuid.uuid4())
        return
    if isinstance(kept, str):
        yield kept
        return
    _, arguments, state, items, pairs = (*kept, None, None, None)[:5]
    yield from _all([arguments, state, list(items or ()), list(pairs or ())], seen)


def _all(values: Any, seen: _Seen) -> Iterator[str]:
    for value in values:
        yield from _described(value, seen)


def _cells(function: types.FunctionType) -> list[Any]:
    return [cell.cell_contents for cell in function.__closure__ or ()]
