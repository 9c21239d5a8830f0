"""A program: steps, and one compiled loop that walks them, so that a model costs one call from Python however
many layers it has.

    for a slice of the batch:
        for step in steps:
            the step's kernel, by its address (tensors by their number, constants by their address)

Threads either take a slice of the batch each and never meet, or share every step's units and meet at its end
(work_sharing.py).
"""

from typing import Any

from llvmlite import ir
from numba import types

from ..codegen.jit import kernel
from ..codegen.vectors import I64, instructions
from ..reference import Array
from . import convolution_steps, elementwise_steps, window_steps  # noqa: F401 - they register their kernels
from .step import STEP
from .step_kernels import KERNELS, Kernel, step_at, worker_at

STEP_BYTES = STEP.itemsize


def link(program: Array) -> None:
    """Put the addresses of kernels in place of their names, in the rows (STEP) of a program: for this process
    alone.
    """
    for step in program:
        step["kernel"] = KERNELS[Kernel(step["kernel"])].address


@instructions
def _call(_: Any, kernel: Any, row: Any, images: Any, frame: Any, number: Any) -> Any:
    """The kernel at an address."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        nothing = context.get_value_type(types.none)
        address, *given = arguments
        pointer = builder.inttoptr(address, ir.FunctionType(nothing, [I64] * len(given)).as_pointer())
        builder.call(pointer, given)
        return context.get_dummy_value()

    return types.none(*[types.int64] * 5), generate


@kernel
def run_program(
    program: int, first: int, stop: int, places: Array, begin: int, end: int, chunk: int, frame: int
) -> None:
    """Steps first .. stop of a linked program for images begin .. end, `chunk` of them at a time.

    program: address of the rows (STEP); a plain number, because numba takes its time with arrays of records.
    places: (2,tensors) s64, where each tensor's image 0 is, and how many bytes further the next; a tensor
    that lives only within a chunk is always in the same place, 0 bytes further. frame: address of the
    thread's FRAME.
    """
    worker = worker_at(frame, 0)
    for image in range(begin, end, chunk):
        for t in range(len(worker.tensors)):
            worker.tensors[t] = places[0, t] + image * places[1, t]
        if worker.threads == 1:
            worker.queue.counters[first:stop] = 0
        for i in range(first, stop):
            row = program + i * STEP_BYTES
            _call(step_at(row).kernel, row, min(chunk, end - image), frame, i)
