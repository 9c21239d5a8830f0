"""A pool of Dask workers (docs/scale.md): local processes, or a cluster that runs already.

What all pieces share (models, data, metrics) is pickled, named by its SHA-256, and put into the cluster as a
task of its own that gives it back. So Dask keeps it, hands it to each worker once and from worker to worker,
and can make it again when those that held it are gone. A piece names what it needs. A piece whose worker dies
is given to another one.
"""

import ctypes
import functools
import hashlib
import logging
import os
import platform
import re
import signal
import socket
import struct
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from numpot.ir.errors import MissingExtraError, NumpotError

from ..data.plugins import current_directory_importable
from .pool import Alone, Pool

P = TypeVar("P")
R = TypeVar("R")

CONNECT_SECONDS: Final = 10
MAX_WORKERS: Final = 1024  # a typing error should not start a million
ADDRESS: Final = re.compile(r"(?:tcp|tls)://(\[[0-9A-Fa-f:.%]+\]|[^\s:/\[\]]+):([0-9]{1,5})")
LAST_PORT: Final = 65535
LENGTH: Final = struct.Struct("<Q")
LONGEST_GREETING: Final = 2**20  # bytes; it has some hundred
# on their way at once: enough that nobody waits, few enough that results do not pile up
PIECES_PER_WORKER: Final = 4
SHARED: Final = 16  # kept in the cluster of what pieces share
UNPACKED: Final = 4  # of it in a worker
PREPARED: Final = 2  # in a worker; an executor takes memory

#: Of local workers. Without the last three, memory for each batch is given back to the system and faulted in
#: again: a fourth of the time.
WORKER_ENVIRONMENT: Final = {
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": str(2**28),
    "MALLOC_TRIM_THRESHOLD_": str(2**28),
}


class ClusterError(NumpotError):
    """Workers that cannot be reached, that differ from this process, or that were lost."""


@contextmanager
def open_pool(workers: int | None = None, scheduler: str | None = None) -> Iterator[Pool]:
    """workers: so many local processes, of one thread each. scheduler: the address of a Dask scheduler,
    tcp://host:8786. Neither: this process alone. Raises ClusterError, and MissingExtraError."""
    if workers is None and scheduler is None:
        yield Alone()
        return
    if workers is not None and scheduler is not None:
        raise ClusterError(
            "--workers starts local processes, --scheduler names a cluster that has its own; give one of them"
        )
    if workers is not None and (
        isinstance(workers, bool) or not isinstance(workers, int) or not 1 <= workers <= MAX_WORKERS
    ):
        raise ClusterError(f"workers must be a whole number from 1 to {MAX_WORKERS}, found {workers!r}")
    if scheduler is not None:
        _check_address(scheduler)
    try:
        import distributed
    except ImportError as error:
        raise MissingExtraError(
            "distributed", "distributed", "work on several processes or machines"
        ) from error
    with ExitStack() as stack:
        address: Any = scheduler
        if workers is not None:
            stack.enter_context(_deaf_workers())
            address = _local_cluster(distributed, workers, stack)
        client = stack.enter_context(_connect(distributed, address))
        with _copies_kept(client):
            yield DaskPool(client)


def _local_cluster(distributed: Any, workers: int, stack: ExitStack) -> Any:
    """A cluster that ends with the stack. Raises ClusterError."""
    from dask import config

    with (
        config.set({"distributed.nanny.pre-spawn-environ": WORKER_ENVIRONMENT}),
        _quiet(),
        _interrupts_kept(),
    ):
        try:
            cluster = distributed.LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                memory_limit=0,
                dashboard_address="127.0.0.1:0",
                silence_logs=logging.CRITICAL,
            )
        except (RuntimeError, OSError, ValueError) as error:  # a time-out is an OSError
            raise ClusterError(
                f"{workers} local workers could not be started ({_first_line(error)}). Run the same "
                "command again"
            ) from error
        return stack.enter_context(cluster)


@contextmanager
def _interrupts_kept() -> Iterator[None]:
    """Ctrl-C waits for the end of the block: Dask, interrupted while it starts, would leave processes behind.
    Only the main thread can say so."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    kept: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: kept.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if kept:
            raise KeyboardInterrupt


@contextmanager
def _deaf_workers() -> Iterator[None]:
    """Processes that multiprocessing starts meanwhile ignore Ctrl-C, also a worker that takes the place of
    one that died.

    A process begins with the disposition of signals that its parent has at that moment, so SIGINT is ignored
    here just as long; each would print a traceback otherwise, if only while it imports. From the thread that
    starts it, because signal.signal is for the main one alone.
    """
    if os.name != "posix":
        yield
        return
    import multiprocessing.util

    util: Any = multiprocessing.util
    start = util.spawnv_passfds
    lock = threading.Lock()

    def start_deaf(*arguments: Any) -> Any:
        python: Any = ctypes.pythonapi
        python.PyOS_setsig.restype, python.PyOS_setsig.argtypes = (
            ctypes.c_void_p,
            (ctypes.c_int, ctypes.c_void_p),
        )
        with lock:
            before = python.PyOS_setsig(signal.SIGINT, int(signal.SIG_IGN))
            try:
                return start(*arguments)
            finally:
                python.PyOS_setsig(signal.SIGINT, before)

    util.spawnv_passfds = start_deaf
    try:
        yield
    finally:
        util.spawnv_passfds = start


@contextmanager
def _quiet() -> Iterator[None]:
    """What goes wrong while a connection is made becomes one sentence here; Dask and its libraries would
    write a page about it.
    """
    loggers = [logging.getLogger(name) for name in ("distributed", "tornado", "asyncio")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


def _check_address(address: str) -> None:
    """Raises ClusterError for an address where no scheduler listens, before Dask tries again and again, or
    waits for ever for an answer. Other protocols are left to Dask."""
    if isinstance(address, str) and "://" in address and not address.startswith(("tcp://", "tls://")):
        return
    match = ADDRESS.fullmatch(address) if isinstance(address, str) else None
    if match is None or int(match[2]) > LAST_PORT:
        raise ClusterError(f"scheduler {address}: cannot be reached (an address looks like tcp://host:8786)")
    try:
        with socket.create_connection((match[1].strip("[]"), int(match[2])), CONNECT_SECONDS) as connection:
            answers = address.startswith("tls://") or _greets(connection)
    except (OSError, OverflowError, UnicodeError) as error:
        raise _unreachable(address, error) from error
    if not answers:
        raise ClusterError(
            f"scheduler {address}: what listens there does not answer as a Dask scheduler. Give the "
            "address that `dask scheduler` prints"
        )


def _greets(connection: socket.socket) -> bool:
    """Does the other side begin as Dask does, unasked: with the length of a message, eight bytes, that
    introduces it?
    """
    greeting = b""
    with suppress(OSError):  # a time-out is one
        while len(greeting) < LENGTH.size and (piece := connection.recv(LENGTH.size - len(greeting))):
            greeting += piece
    return len(greeting) == LENGTH.size and LENGTH.unpack(greeting)[0] <= LONGEST_GREETING


def _unreachable(address: Any, error: BaseException) -> ClusterError:
    return ClusterError(
        f"scheduler {address}: cannot be reached ({_first_line(error)}). "
        "Start one with `dask scheduler`, and give the address that it prints"
    )


def _connect(distributed: Any, address: Any) -> Any:
    client = distributed.Client.__new__(distributed.Client)
    try:
        with _quiet():
            client.__init__(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError, TypeError, ImportError, RuntimeError) as error:  # a time-out is an OSError
        client.status = "closed"  # or Python would wait for its end, and then print why that failed
        raise _unreachable(address, error) from error
    try:
        if not client.scheduler_info()["workers"]:
            raise ClusterError(
                f"scheduler {address}: has no worker. Start some with `dask worker {address} --nthreads 1`"
            )
        _check_workers(client)
    except BaseException:
        client.close()
        raise
    return client


@contextmanager
def _copies_kept(client: Any) -> Iterator[None]:
    """Dask's memory manager would take copies back as soon as nobody needs them, and models would travel
    again for the next pieces.
    """
    running = client.amm.running()
    client.amm.stop()
    try:
        yield
    finally:
        if running and client.status == "running":
            client.amm.start()


def _check_workers(client: Any) -> None:
    """All workers have what this process has; else bits may differ, or nothing works."""
    mine = environment()
    for worker, found in client.run(environment, on_error="return").items():
        if isinstance(found, BaseException):
            raise ClusterError(
                f"worker {worker}: cannot run numpot ({type(found).__name__}: {_first_line(found)}). "
                "Install it there, too"
            )
        _compare(worker, found, mine)


def _compare(worker: str, found: dict[str, str], expected: dict[str, str]) -> None:
    for name, value in expected.items():
        if found.get(name) != value:
            cure = (
                "Set NUMPOT_ISA to a set that all have"
                if name == "instructions"
                else "Install the same on both sides"
            )
            raise ClusterError(
                f"worker {worker}: has {name} {found.get(name)}, expected {value} as here; results "
                f"could differ. {cure}"
            )


@functools.cache
def environment() -> dict[str, str]:
    """What results may depend on beside the work itself."""
    from importlib.metadata import version

    from numpot.kernels.codegen.isa import ISA

    packages = {name: version(name) for name in ("numpot", "numpy", "numba")}
    return {"Python": ".".join(platform.python_version_tuple()[:2]), **packages, "instructions": ISA.name}


class DaskPool(Pool):
    """The workers of a Dask client."""

    threads = 1  # Dask runs as many pieces in a worker as that has threads

    def __init__(self, client: Any) -> None:
        self._client = client
        self._shared: OrderedDict[str, Any] = OrderedDict()  # futures by key, the last used at the end

    def map(
        self, prepare: Callable[..., Callable[[P], R]], shared: Sequence[Any], pieces: Iterable[P]
    ) -> Iterator[R]:
        import cloudpickle

        futures = [self._share(cloudpickle.dumps((environment(), value))) for value in shared]
        how = cloudpickle.dumps(prepare)
        waiting: deque[Any] = deque()
        try:
            for piece in pieces:
                waiting.append(self._client.submit(_work, how, piece, *futures, pure=False))
                if len(waiting) >= PIECES_PER_WORKER * self._workers:
                    yield _result(waiting.popleft())
            while waiting:
                yield _result(waiting.popleft())
        finally:
            for future in waiting:
                future.cancel()

    def run_everywhere(self, function: Callable[[], R]) -> list[R]:
        """What it gives in each worker: to look at them."""
        return list(self._client.run(function).values())

    @property
    def _workers(self) -> int:
        return max(sum(self._client.nthreads().values()), 1)

    def _share(self, data: bytes) -> Any:
        """A future of the parcel; what was not used for long is forgotten."""
        key = f"numpot-{hashlib.sha256(data).hexdigest()}"
        if key not in self._shared:
            from dask import config

            # large it is, and meant to be
            with config.set({"distributed.admin.large-graph-warning-threshold": "1TB"}):
                self._shared[key] = self._client.submit(Parcel, key, data, key=key)
        self._shared.move_to_end(key)
        while len(self._shared) > SHARED:
            self._shared.popitem(last=False)
        return self._shared[key]


def _result(future: Any) -> Any:
    from distributed import KilledWorker
    from distributed.client import FutureCancelledError
    from distributed.comm.core import CommClosedError

    try:
        return future.result()
    except KilledWorker as error:
        raise ClusterError(
            "a piece of work has ended every worker that tried it, the last one "
            f"{error.last_worker.address}; it may need more memory"
        ) from error
    except (FutureCancelledError, CommClosedError) as error:
        raise ClusterError(
            f"the scheduler was lost ({_first_line(error)}). Start it again, then run the same command again"
        ) from error


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


# ---- in a worker -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Parcel:
    """What many pieces share, pickled, and its name."""

    key: str
    data: bytes

    def __sizeof__(self) -> int:
        """So that Dask knows what it costs to send."""
        return len(self.data)


def _work(how: bytes, piece: Any, *shared: Parcel) -> Any:
    return _prepared(how, shared)(piece)


class _Memory(threading.local):
    """The state of one thread of a worker, because an executor is for one caller at a time."""

    def __init__(self) -> None:
        self.unpacked: OrderedDict[str, Any] = OrderedDict()
        self.prepared: OrderedDict[tuple[Any, ...], Any] = OrderedDict()


_memory = _Memory()


def _prepared(how: bytes, shared: Sequence[Parcel]) -> Callable[[Any], Any]:
    import cloudpickle

    def make() -> Any:
        arguments = [
            _remembered(_memory.unpacked, p.key, UNPACKED, functools.partial(_unpack, p)) for p in shared
        ]
        with current_directory_importable():
            return cloudpickle.loads(how)(*arguments)

    return _remembered(_memory.prepared, (how, *(p.key for p in shared)), PREPARED, make)


def _unpack(parcel: Parcel) -> Any:
    import cloudpickle

    with current_directory_importable():  # where a metric or loader of the user's may lie
        expected, value = cloudpickle.loads(parcel.data)
    _compare(platform.node(), environment(), expected)  # a worker may have come later than the others
    return value


def _remembered(memory: OrderedDict[Any, Any], key: Any, most: int, make: Callable[[], Any]) -> Any:
    if key not in memory:
        memory[key] = make()
    memory.move_to_end(key)
    while len(memory) > most:
        memory.popitem(last=False)
    return memory[key]
