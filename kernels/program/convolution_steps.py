"""The steps that are convolutions with all channels, by what they read and make; of codes there are three
ways to get the sums.
"""

from typing import Any, NamedTuple

import numpy as np

from ..codegen.jit import kernel
from ..layers.convolution import convolve_units
from ..reference import Array
from ..saturation import SaturationCount
from .step import (
    array,
    read_dense,
    read_epilogue,
    read_float_epilogue,
    read_float_residual,
    read_matrix,
    read_residual,
)
from .step_kernels import Kernel, Worker, parts_of, step_at, step_kernel, worker_at


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
    lines, width, elements = images * step.output.height, step.output.width, images * step.lattice.image
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
def _codes(step: Any, worker: Worker, shape: tuple[int]) -> Array:
    """The residual branch."""
    return array(worker.tensors[step.other], shape, np.uint8)


@kernel
def _count(step: Any, worker: Worker) -> SaturationCount:
    """The tally of this layer's channels."""
    first, stop = step.tally, step.tally + step.output.channels
    return SaturationCount(worker.tally.pairs[first:stop], worker.tally.overflow[first:stop])


# ---- codes, by the instructions of the arithmetic ----------------------------------------------------------


@step_kernel(Kernel.CONVOLUTION_UU)
def dots_to_codes(row: int, images: int, frame: int, call: int) -> None:
    step, worker = step_at(row), worker_at(frame, call)
    s, layer = _seen(step, images, worker, 1), read_dense(step, np.int8)
    out = array(s.out, s.shape, np.uint8)
    convolve_units(
        layer, s.x, None, out, s.size, read_epilogue(step), None, worker.memory, worker.share, s.parts
    )


@step_kernel(Kernel.CONVOLUTION_UUR)
def dots_and_branch_to_codes(row: int, images: int, frame: int, call: int) -> None:
    step, worker = step_at(row), worker_at(frame, call)
    s, layer = _seen(step, images, worker, 1), read_dense(step, np.int8)
    branch, out = read_residual(step, _codes(step, worker, s.shape)), array(s.out, s.shape, np.uint8)
    convolve_units(
        layer, s.x, branch, out, s.size, read_epilogue(step), None, worker.memory, worker.share, s.parts
    )


@step_kernel(Kernel.CONVOLUTION_UF)
def dots_to_floats(row: int, images: int, frame: int, call: int) -> None:
    step, worker = step_at(row), worker_at(frame, call)
    s, layer = _seen(step, images, worker, 1), read_dense(step, np.int8)
    out = array(s.out, s.shape, np.float32)
    convolve_units(
        layer, s.x, None, out, s.size, read_epilogue(step), None, worker.memory, worker.share, s.parts
    )


@step_kernel(Kernel.CONVOLUTION_US)
def dots_to_sums(row: int, images: int, frame: int, call: int) -> None:
    step, worker = step_at(row), worker_at(frame, call)
    s, layer = _seen(step, images, worker, 1), read_dense(step, np.int8)
    convolve_units(
        layer,
        s.x,
        None,
        array(s.out, s.shape, np.int32),
        s.size,
        None,
        None,
        worker.memory,
        worker.share,
        s.parts,
    )


# ---- codes, on the matrix unit -----------------------------------------------------------------------------


@step_kernel(Kernel.MATRIX_UU)
def tiles_to_codes(row: int, images: int, frame: int, call: int) -> None:
    step, worker = step_at(row), worker_at(frame, call)
    s, layer = _seen(step, images, worker, 1), read_matrix(step)
    out = array(s.out, s.shape, np.uint8)
    convolve_units(
        layer, s.x, None, out, s.size, read_epilogue(step), None, worker.memory, worker.share, s.parts
    )


@step_kernel(Kernel.MATRIX_UUR)
def tiles_and_branch_to_codes(row: int, images: int, frame: int, call: int) -> None:
    step, worker = step_at(row), worker_at(frame, call)
    s, layer = _seen(step, images, worker, 1), read_matrix(step)
    branch, out = read_residual(step, _codes(step, worker, s.shape)), array(s.out, s.shape, np.uint8)
    convolve_units(
        layer, s.x, branch, out, s.size, read_epilogue(step), None, worker.memory, worker.share, s.parts
    )


@step_kernel(Kernel.MATRIX_UF)
def tiles_to_floats(row: int, images: int, frame: int, call: int) -> None:
    step, worker = step_at(row), worker_at(frame, call)
    s, layer = _seen(step, images, worker, 1), read_matrix(step)
    out = array(s.out, s.shape, np.float32)
    convolve_units(
        layer, s.x, None, out, s.size, read_epilogue(step), None, worker.memory, worker.share, s.parts
    )


@step_kernel(Kernel.MATRIX_US)
def tiles_to_sums(row: int, images: int, frame: int, call: int) -> None:
    step, worker = step_at(row), worker_at(frame, call)
    s, layer = _seen(step, images, worker, 1), read_matrix(step)
    convolve_units(
        layer,
        s.x,
        None,
        array(s.out, s.shape, np.int32),
        s.size,
        None,
        None,
        worker.memory,
        worker.share,
        s.parts,
    )


# ---- codes, counting pairs that clip -----------------------------------------------------------------------


@step_kernel(Kernel.COUNTED_UU)
def counted_to_codes(row: int, images: int, frame: int, call: int) -> None:
    step, worker = step_at(row), worker_at(frame, call)
    s, layer = _seen(step, images, worker, 1), read_dense(step, np.int8)
    out = array(s.out, s.shape, np.uint8)
    convolve_units(
        layer,
        s.x,
        None,
        out,
        s.size,
        read_epilogue(step),
        _count(step, worker),
        worker.memory,
        worker.share,
        s.parts,
    )


@step_kernel(Kernel.COUNTED_UUR)
def counted_and_branch_to_codes(row: int, images: int, frame: int, call: int) -> None:
    step, worker = step_at(row), worker_at(frame, call)
    s, layer = _seen(step, images, worker, 1), read_dense(step, np.int8)
    branch, out = read_residual(step, _codes(step, worker, s.shape)), array(s.out, s.shape, np.uint8)
    convolve_units(
        layer,
        s.x,
        branch,
        out,
        s.size,
        read_epilogue(step),
        _count(step, worker),
        worker.memory,
        worker.share,
        s.parts,
    )


@step_kernel(Kernel.COUNTED_UF)
def counted_to_floats(row: int, images: int, frame: int, call: int) -> None:
    step, worker = step_at(row), worker_at(frame, call)
    s, layer = _seen(step, images, worker, 1), read_dense(step, np.int8)
    out = array(s.out, s.shape, np.float32)
    convolve_units(
        layer,
        s.x,
        None,
        out,
        s.size,
        read_epilogue(step),
        _count(step, worker),
        worker.memory,
        worker.share,
        s.parts,
    )


@step_kernel(Kernel.COUNTED_US)
def counted_to_sums(row: int, images: int, frame: int, call: int) -> None:
    step, worker = step_at(row), worker_at(frame, call)
    s, layer = _seen(step, images, worker, 1), read_dense(step, np.int8)
    convolve_units(
        layer,
        s.x,
        None,
        array(s.out, s.shape, np.int32),
        s.size,
        None,
        _count(step, worker),
        worker.memory,
        worker.share,
        s.parts,
    )


# ---- floats ------------------------------------------------------------------------------------------------


@step_kernel(Kernel.CONVOLUTION_FF)
def floats(row: int, images: int, frame: int, call: int) -> None:
    step, worker = step_at(row), worker_at(frame, call)
    s, layer = _seen(step, images, worker, 4), read_dense(step, np.float32)
    out = array(s.out, s.shape, np.float32)
    convolve_units(
        layer, s.x, None, out, s.size, read_float_epilogue(step), None, worker.memory, worker.share, s.parts
    )


@step_kernel(Kernel.CONVOLUTION_FFR)
def floats_and_branch(row: int, images: int, frame: int, call: int) -> None:
    step, worker = step_at(row), worker_at(frame, call)
    s, layer = _seen(step, images, worker, 4), read_dense(step, np.float32)
    out = array(s.out, s.shape, np.float32)
    branch = read_float_residual(step, array(worker.tensors[step.other], s.shape, np.float32))
    convolve_units(
        layer, s.x, branch, out, s.size, read_float_epilogue(step), None, worker.memory, worker.share, s.parts
    )
