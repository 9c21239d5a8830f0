"""Serialize runs that share memory, so that they execute one after the other."""

import threading

from ..errors import GraphError


class Turn:
    """One run at a time. Other threads wait for it; whoever has it and asks again, an observer,
    is refused.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._taken = False

    def __enter__(self) -> None:
        self._lock.acquire()
        if self._taken:
            self._lock.release()
            raise GraphError(
                "an observer must not run the Executor that it observes; make another one of the same graph"
            )
        self._taken = True

    def __exit__(self, *_: object) -> None:
        self._taken = False
        self._lock.release()
