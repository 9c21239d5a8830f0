"""Pool: independent pieces of work, done one after the other here, or by workers on this and other machines
(dask_pool.py).

What a piece needs beside its own description (models, data, metrics) is the same for all of them. It is
handed over once, prepared once by everybody who works, and then used for one piece after the other:

    prepare(*shared) -> work;   work(piece) -> result

Results come in the order of the pieces, whoever made them, so what is done with them does not depend on the
pool.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

P = TypeVar("P")
R = TypeVar("R")


class Pool(ABC):
    """threads: of an executor in `work`; None for one per core."""

    threads: int | None = None

    @abstractmethod
    def map(
        self, prepare: Callable[..., Callable[[P], R]], shared: Sequence[Any], pieces: Iterable[P]
    ) -> Iterator[R]:
        """The results of all pieces, in their order. What goes to other processes must be picklable: prepare,
        shared, pieces, results.
        """


class Alone(Pool):
    """This process only."""

    def __init__(self, threads: int | None = None) -> None:
        self.threads = threads

    def map(
        self, prepare: Callable[..., Callable[[P], R]], shared: Sequence[Any], pieces: Iterable[P]
    ) -> Iterator[R]:
        return map(prepare(*shared), pieces)


def pieces(first: int, end: int, size: int, batch: int) -> list[range]:
    """first .. end in pieces of about `size`, in whole batches; they do not depend on who works."""
    step = max(size // batch, 1) * batch
    return [range(start, min(start + step, end)) for start in range(first, end, step)]
