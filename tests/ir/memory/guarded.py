"""Memory that ends where a page begins that nobody may touch: one byte too far, and the process dies.

`install` makes everything that compiled code is given such memory: inputs, tensors, scratch, tables, weights.
For a child process only.
"""

import ctypes
import mmap
import random
from typing import Any

import numpy as np

from numpot.ir.executor import compiled, schedule, workers
from numpot.kernels.program.step import Row

PAGE = mmap.PAGESIZE
POISON = 0xA5  # what memory holds that nobody has written
_protect = ctypes.CDLL(None, use_errno=True).mprotect
_chance = random.Random(0)


def guarded(shape: int | tuple[int, ...], dtype: Any) -> np.ndarray:
    """An array in pages of its own, before one that nobody may touch, which it reaches; one in four begins
    behind such a page instead.
    """
    dtype = np.dtype(dtype)
    size = int(np.prod(shape)) * dtype.itemsize
    pages = -(-size // PAGE) * PAGE
    memory = mmap.mmap(-1, pages + PAGE)
    everything = np.frombuffer(memory, np.uint8)
    at_end = _chance.randrange(4) > 0
    begin = pages - size if at_end else PAGE
    everything[begin : begin + size] = POISON
    address = everything.ctypes.data + (pages if at_end else 0)
    if _protect(ctypes.c_void_p(address), ctypes.c_size_t(PAGE), 0):
        raise OSError(ctypes.get_errno(), "mprotect")
    return everything[begin : begin + size].view(dtype).reshape(shape)


def guarded_copy(array: np.ndarray) -> np.ndarray:
    """The same numbers, C-contiguous."""
    copy = guarded(array.shape, array.dtype)
    copy[...] = array
    return copy


def install() -> None:
    """From now on executors give their kernels guarded memory only, a piece of its own for every tensor."""
    own, memory, keep, to_memory = schedule._own, compiled.Compiled._memory, Row.keep, compiled.to_memory

    def all_own(plan: Any, *others: Any) -> dict[int, Any]:
        tensors = {number: tensor for tensor, number in reversed(plan.slots.numbers.items())}
        used = {slot for step in plan.steps for slot in step.slots}
        return {slot: tensors.get(slot) for slot in used} | own(plan, *others)

    def guarded_memory(self: Any, values: Any) -> dict[int, np.ndarray]:
        return {slot: guarded_copy(array) for slot, array in memory(self, values).items()}

    def keep_guarded(self: Row, name: str, values: np.ndarray) -> int:
        return keep(self, name, guarded_copy(values))

    schedule._own = all_own
    compiled.Compiled._memory = guarded_memory  # type: ignore[method-assign]
    compiled.to_memory = lambda x: guarded_copy(to_memory(x))  # type: ignore[attr-defined]
    Row.keep = keep_guarded  # type: ignore[method-assign]
    workers.aligned = guarded  # type: ignore[attr-defined]
