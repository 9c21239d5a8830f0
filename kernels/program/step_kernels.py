"""What kinds of steps there are, how each is given its row, and what it is given besides."""

from collections.abc import Callable
from enum import IntEnum, auto
from typing import Any, Final, NamedTuple

import numpy as np
from llvmlite import ir
from numba import from_dtype, types

from ..codegen.jit import Entry, kernel
from ..codegen.pointers import address_of, array
from ..codegen.vectors import instructions
from ..codegen.work_sharing import LINE, WorkQueue
from ..reference import Array
from ..saturation import SaturationCount
from .step import STEP


class Kernel(IntEnum):
    """What a step computes. The letters say of what and to what: codes U, floats F, sums S; R: a residual
    branch is added.
    """

    CONVOLUTION_UU = auto()
    CONVOLUTION_UF = auto()
    CONVOLUTION_US = auto()
    CONVOLUTION_UUR = auto()  # the branch is codes
    AMX_UU = auto()  # in tile registers
    AMX_UF = auto()
    AMX_US = auto()
    AMX_UUR = auto()
    COUNTED_UU = auto()  # counting pairs that clip
    COUNTED_UF = auto()
    COUNTED_US = auto()
    COUNTED_UUR = auto()
    CONVOLUTION_FF = auto()
    CONVOLUTION_FFR = auto()
    DEPTHWISE_UU = auto()
    DEPTHWISE_UF = auto()
    DEPTHWISE_US = auto()
    DEPTHWISE_FF = auto()
    QUANTIZE = auto()
    QUANTIZE_NCHW = auto()  # of an image (C,H,W)
    DEQUANTIZE = auto()
    REQUANTIZE = auto()
    AFFINE = auto()
    ADD = auto()
    PRODUCT = auto()  # flag: other is one factor a channel
    HARD = auto()
    CLIP = auto()
    CLIP_AND_MIN_MAX_SUM = auto()  # `other` gets what is found of both
    MIN_MAX_SUM = auto()
    COPY = auto()  # sizes in bytes; flag: the first byte in each position of out
    TRANSPOSE_U = auto()  # (C,H,W) to (H,W,C), or back: two axes of an image change places
    TRANSPOSE_F = auto()
    MEAN_FF = auto()
    MEAN_UF = auto()
    MEAN_UU = auto()
    IM2COL = auto()  # of codes; flag: groups
    MAX_POOL_U = auto()
    MAX_POOL_F = auto()
    AVERAGE_POOL = auto()
    RESIZE_CHOSEN = auto()  # sizes in bytes
    RESIZE_WEIGHTED = auto()


#: (row, images, frame, call): the address of the step's STEP, how many images, the address of the thread's
#: FRAME, and which of the program's calls this is.
STEP_SIGNATURE: Final = types.none(types.int64, types.int64, types.int64, types.int64)
KERNELS: Final[dict[Kernel, Entry]] = {}


# of STEP_SIGNATURE; begins with `step_at` and `worker_at`
StepFunction = Callable[[int, int, int, int], None]


def step_kernel(kind: Kernel) -> Callable[[StepFunction], StepFunction]:
    """Make a function the kernel of the steps of a kind."""

    def register(function: StepFunction) -> StepFunction:
        _register(kind, function)
        return function

    return register


def step_kernels(table: dict[Kernel, Any]) -> Callable[[Callable[..., StepFunction]], None]:
    """Make the kernels of a table: the decorated function gets a row, a tuple or one value, and returns one.

    Such kernels have their code in common. What they differ in, types and functions, they close over; for
    numba these are constants, so an `if` that asks for one is decided before anything is compiled.
    """

    def register(make: Callable[..., StepFunction]) -> None:
        for kind, row in table.items():
            _register(kind, make(*(row if isinstance(row, tuple) else (row,))))

    return register


def _register(kind: Kernel, function: StepFunction) -> None:
    """The kernel is called what its kind is called: names tell apart the machine code of kernels that have
    their code in common (jit.MachineCodeCache).
    """
    if kind in KERNELS:
        raise ValueError(f"expected one kernel of {kind.name}, found another")
    function.__name__ = function.__qualname__ = kind.name.lower()
    KERNELS[kind] = Entry(function, STEP_SIGNATURE)


# ---- what a thread has -------------------------------------------------------------------------------------


class Worker(NamedTuple):
    """What a thread has for itself, or shares on purpose."""

    tensors: Array  # (tensors,) s64: where each one is, for the images at hand; of this thread
    memory: Array  # flat u8, of this thread: strips.scratch_size of the largest step
    queue: WorkQueue  # of a step's units; the counters of all threads that share the steps, else of this one
    threads: int  # how many share the steps
    tally: SaturationCount  # of all channels of all layers; no channels where nobody counts


#: A Worker as plain numbers, for calls by address.
FRAME: Final = np.dtype(
    [
        (name, np.int64)
        for name in "tensors slots memory bytes counters calls threads pairs overflow channels".split()
    ]
)


def frame_of(worker: Worker) -> Array:
    """() FRAME. Whoever holds it must keep the worker's arrays alive."""
    arrays = worker.tensors, worker.memory, worker.queue.counters
    places = [number for array in arrays for number in (address_of(array), len(array))]
    pairs, overflow = worker.tally
    return np.array((*places, worker.threads, address_of(pairs), address_of(overflow), len(pairs)), FRAME)


@kernel
def worker_at(frame: int, call: int) -> Worker:
    """The Worker of a FRAME at an address. call: which of the program's calls shares its units."""
    f = array(frame, (1,), FRAME)[0]
    tensors, memory = array(f.tensors, (f.slots,), np.int64), array(f.memory, (f.bytes,), np.uint8)
    count = SaturationCount(
        array(f.pairs, (f.channels,), np.int64), array(f.overflow, (f.channels,), np.int64)
    )
    return Worker(
        tensors, memory, WorkQueue(array(f.counters, (f.calls, LINE), np.int64), call), f.threads, count
    )


@instructions
def step_at(_: Any, row: Any) -> Any:
    """The STEP at an address."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

    return from_dtype(STEP)(types.int64), generate


@kernel
def image_of(shape: Any, images: int) -> tuple[int, int, int, int]:
    return images, shape.height, shape.width, shape.channels


@kernel
def positions_of(shape: Any, images: int) -> tuple[int, int, int]:
    return images, shape.height * shape.width, shape.channels


@kernel
def parts_of(worker: Worker, units: int, most: int) -> int:
    """In how many parts a unit is cut, so that threads that share a step have several units each."""
    if worker.threads == 1:
        return 1
    return max(1, min(most, 4 * worker.threads // max(units, 1)))
