"""How threads share a kernel: its work is cut into units, and each thread claims the next one until none is
left.

A thread that comes late, or is put aside by the system, finds fewer units; nobody waits for it to begin, only
for the units it has claimed. So a kernel must not write anything before it has a unit: a late thread may find
the memory it was given in the hands of the next run.
"""

import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import types

from ..reference import Array
from .jit import kernel
from .vectors import I32, I64, cgutils, instructions

LINE = 8  # counters are a cache line of int64 apart
PATIENCE = 200  # looks at a counter before the processor is offered to somebody else
YIELD = "SwitchToThread" if sys.platform == "win32" else "sched_yield"


class WorkQueue(NamedTuple):
    """The units of one kernel call. They all see the same counters; a call that nobody shares has counters of
    its own.
    """

    counters: Array  # (calls, LINE) s64, zero before the first unit: units claimed, units finished
    call: int


def alone() -> WorkQueue:
    """For a call that no other thread shares."""
    return WorkQueue(np.zeros((1, LINE), np.int64), 0)


@instructions
def _add(_: Any, counters: Any, number: Any, amount: Any) -> Any:
    """counters[number] += amount as one step that no thread can come between; returns the old value."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        return builder.atomic_rmw("add", builder.gep(array.data, [arguments[1]]), arguments[2], "seq_cst")

    return types.int64(counters, types.int64, types.int64), generate


@instructions
def _offer_the_processor(_: Any) -> Any:
    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        builder.call(cgutils.get_or_insert_function(builder.module, ir.FunctionType(I32, []), YIELD), [])
        return ir.Constant(I64, 0)

    return types.int64(), generate


@kernel
def claim(queue: WorkQueue) -> int:
    """Claim a unit: return its number, which nobody else has; `units` or more when none is left."""
    return _add(queue.counters, queue.call * LINE, 1)


@kernel
def finish(queue: WorkQueue) -> None:
    """Say that a claimed unit is done."""
    _add(queue.counters, queue.call * LINE + 1, 1)


@kernel
def wait(queue: WorkQueue, units: int) -> None:
    """Wait until every unit is done, whichever thread did it."""
    looks = 0
    while _add(queue.counters, queue.call * LINE + 1, 0) < units:
        looks += 1
        if looks > PATIENCE:
            _offer_the_processor()


@kernel
def claimed(queue: WorkQueue, units: int) -> Iterator[int]:
    """Yield the units that this thread claims, one after another; end when every unit is done."""
    unit = claim(queue)
    while unit < units:
        yield unit
        finish(queue)
        unit = claim(queue)
    wait(queue, units)


@kernel
def claimed_parts(
    queue: WorkQueue, images: int, positions: int, parts: int
) -> Iterator[tuple[int, int, int]]:
    """The same where a unit is one of `parts` parts of an image: the image, and from where to where its
    positions run.
    """
    for unit in claimed(queue, images * parts):
        image, part = unit // parts, unit % parts
        yield image, part * positions // parts, (part + 1) * positions // parts
