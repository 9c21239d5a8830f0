"""What Executor and Interpreter are told beside the model, checked for both."""

from collections.abc import Iterable
from typing import Final, TypeVar, get_args

import numpy as np

from ..arguments import shown
from ..errors import GraphError
from ..graph import Tensor
from ..lowering.lower import Arithmetic
from ..ops.common.operator import nearest

A = TypeVar("A")
ARITHMETICS: Final = get_args(Arithmetic)
MAX_THREADS: Final = 1024  # more than any machine has cores; a typing error should not start a million


def check_arithmetic(arithmetic: A) -> A:
    """Raises GraphError for a word that is no arithmetic."""
    if not isinstance(arithmetic, str) or arithmetic not in ARITHMETICS:
        close = nearest(arithmetic, ARITHMETICS) if isinstance(arithmetic, str) else ""
        raise GraphError(
            f"arithmetic must be one of {', '.join(ARITHMETICS)}, found {shown(arithmetic)}{close}"
        )
    return arithmetic


def check_threads(threads: object) -> None:
    """Raises GraphError for what is not None or a number of threads."""
    if threads is None:
        return
    if (
        isinstance(threads, bool)
        or not isinstance(threads, int | np.integer)
        or not 1 <= threads <= MAX_THREADS
    ):
        raise GraphError(
            f"threads must be a whole number from 1 to {MAX_THREADS}, or None for one per core, found "
            f"{shown(threads)}"
        )


def check_flag(name: str, flag: object) -> bool:
    """A flag as it is. Raises GraphError, which calls it `name`."""
    if not isinstance(flag, bool | np.bool_):
        raise GraphError(f"{name} must be True or False, found {shown(flag)}")
    return bool(flag)


def check_observer(observer: object) -> None:
    """Raises GraphError for what cannot be called."""
    if observer is not None and not callable(observer):
        raise GraphError(f"observer must be a function of a Tensor and an array, found {shown(observer)}")


def tensors(name: str, given: Iterable[Tensor]) -> set[Tensor]:
    """Some tensors of a graph. Raises GraphError, which calls them `name`."""
    try:
        found = list(given)
    except TypeError:
        raise GraphError(f"{name} must be tensors of the graph, found {shown(given)}") from None
    for tensor in found:
        if not isinstance(tensor, Tensor):
            raise GraphError(f"{name} must be tensors of the graph, found {shown(tensor)}")
    return set(found)
