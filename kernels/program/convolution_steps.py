"""The steps that are convolutions with all channels, by what they read and make; of codes there are three
ways to get the sums.
"""

from typing import Any, NamedTuple

import numpy as np

from ..codegen.jit import kernel
from ..codegen.pointers import array
from ..layers.convolution import convolve_units
from ..reference import Array
from ..saturation import SaturationCount
from .step import (
    read_dense,
    read_dense_for_amx,
    read_epilogue,
    read_float_epilogue,
    read_float_residual,
    read_residual,
)
from .step_kernels import Kernel, StepFunction, Worker, parts_of, step_at, step_kernels, worker_at


class Seen(NamedTuple):
    """What a step reads, and what it makes."""

    x: Array  # (N,H,bytes) u8
    out: int  # where
    shape: tuple[int]  # of out, flat
    size: tuple[int, int, int]  # (N,H',W') of the positions
    parts: int  # in how many a unit is cut


@kernel
def _seen(step: Any, images: int, worker: Worker, itemsize: int) -> Seen:
    """itemsize: bytes of an element of x."""
    lines, width, elements = images * step.output.height, step.output.width, images * step.output_layout.image
    x_lines, x_bytes = step.input.height, step.input.width * step.input.channels
    if step.flag != 0:  # pointwise: all positions of all images are lines of one
        lines, width, x_lines, x_bytes = (
            lines * width,
            1,
            images * x_lines * step.input.width,
            step.input.channels,
        )
        images, elements = 1, lines * step.output.channels
    x = array(worker.tensors[step.x], (images, x_lines, x_bytes * itemsize), np.uint8)
    units = images * -(-(lines // images) // step.strips.lines)
    parts = parts_of(worker, units, step.weights.groups * step.weights.blocks)
    return Seen(x, worker.tensors[step.out], (elements,), (images, lines // images, width), parts)


@kernel
def _count(step: Any, worker: Worker) -> SaturationCount:
    """The tally of this layer's channels."""
    first, stop = step.tally, step.tally + step.output.channels
    return SaturationCount(worker.tally.pairs[first:stop], worker.tally.overflow[first:stop])


class Variant(NamedTuple):
    """What one kernel has of its own."""

    weights: Any  # their type; s8 for codes
    makes: Any  # the type of the results, and of the branch
    read_epilogue: Any = None  # None: sums are stored as they are
    read_branch: Any = None  # None: no branch is added
    read_layer: Any = read_dense
    counts: bool = False  # pairs that clip


CODES = Variant(np.int8, np.uint8, read_epilogue)
CODES_AND_BRANCH = CODES._replace(read_branch=read_residual)
REALS = Variant(np.int8, np.float32, read_epilogue)
SUMS = Variant(np.int8, np.int32)
FLOATS = Variant(np.float32, np.float32, read_float_epilogue)


@step_kernels(
    {
        # codes, by the instructions of the arithmetic
        Kernel.CONVOLUTION_UU: CODES,
        Kernel.CONVOLUTION_UUR: CODES_AND_BRANCH,
        Kernel.CONVOLUTION_UF: REALS,
        Kernel.CONVOLUTION_US: SUMS,
        # codes, on AMX
        Kernel.AMX_UU: CODES._replace(read_layer=read_dense_for_amx),
        Kernel.AMX_UUR: CODES_AND_BRANCH._replace(read_layer=read_dense_for_amx),
        Kernel.AMX_UF: REALS._replace(read_layer=read_dense_for_amx),
        Kernel.AMX_US: SUMS._replace(read_layer=read_dense_for_amx),
        # codes, counting pairs that clip
        Kernel.COUNTED_UU: CODES._replace(counts=True),
        Kernel.COUNTED_UUR: CODES_AND_BRANCH._replace(counts=True),
        Kernel.COUNTED_UF: REALS._replace(counts=True),
        Kernel.COUNTED_US: SUMS._replace(counts=True),
        # floats
        Kernel.CONVOLUTION_FF: FLOATS,
        Kernel.CONVOLUTION_FFR: FLOATS._replace(read_branch=read_float_residual),
    }
)
def convolution(
    weights: Any, makes: Any, read_epilogue: Any, read_branch: Any, read_layer: Any, counts: bool
) -> StepFunction:
    itemsize = np.dtype(weights).itemsize  # of an element of x, too

    def run(row: int, images: int, frame: int, call: int) -> None:
        step, worker = step_at(row), worker_at(frame, call)
        s, layer = _seen(step, images, worker, itemsize), read_layer(step, weights)
        other = array(worker.tensors[step.other], s.shape, makes)
        branch = None if read_branch is None else read_branch(step.residual, other)
        epilogue = None if read_epilogue is None else read_epilogue(step.epilogue)
        count = _count(step, worker) if counts else None
        out, memory = array(s.out, s.shape, makes), worker.memory
        convolve_units(layer, s.x, branch, out, s.size, epilogue, count, memory, worker.queue, s.parts)

    return run
