"""A program: steps, and one compiled loop that walks them, so that a model costs one call from Python however many layers it has.

    for a slice of the batch:
        for step in steps:
            the step's kernel (tensors by their number, constants by their address)

Threads either take a slice of the batch each and never meet, or share every step's units and meet at its end (share.py).
"""

from typing import Any

import numpy as np

from .dense import Dense, convolve_units
from .depthwise import depthwise_units
from .elementwise_steps import elementwise
from .jit import entry, kernel
from .kinds import Kernel, Worker, image_of, parts_of
from .pooling import average_pool_units, max_pool_units
from .reference import Array
from .resize import chosen_units, weighted_units
from .saturation import SaturationCount
from .share import Share
from .steps import (
    STEP,
    array,
    read_dense,
    read_depthwise,
    read_epilogue,
    read_float_epilogue,
    read_float_residual,
    read_matrix,
    read_residual,
    read_taps,
    read_window,
)


@entry
def run_program(
    program: int,
    first: int,
    stop: int,
    places: Array,
    begin: int,
    end: int,
    chunk: int,
    tensors: Array,
    memory: Array,
    counters: Array,
    threads: int,
    tally: SaturationCount | None,
) -> None:
    """Steps first .. stop for images begin .. end, `chunk` of them at a time.

    program: address of the rows (STEP); a plain number, because numba takes its time with arrays of records and with named tuples.
    places: (2,tensors) s64, where each tensor's image 0 is, and how many bytes further the next; a tensor that lives only within a
    chunk is always in the same place, 0 bytes further. tensors, memory, counters, threads: see Worker. tally: counts of all channels of
    all layers.
    """
    steps, worker = array(program, (stop,), STEP), Worker(tensors, memory, counters, threads)
    for image in range(begin, end, chunk):
        for t in range(len(tensors)):
            tensors[t] = places[0, t] + image * places[1, t]
        if threads == 1:
            counters[first:stop] = 0
        for i in range(first, stop):
            _run_step(steps[i], min(chunk, end - image), worker, Share(counters, i), tally)


@kernel
def _run_step(step: Any, images: int, worker: Worker, share: Share, tally: SaturationCount | None) -> None:
    if step.kernel < Kernel.DEPTHWISE_UU:
        _convolution(step, images, worker, share, tally)
    elif step.kernel < Kernel.QUANTIZE:
        _depthwise(step, images, worker, share)
    elif step.kernel < Kernel.MAX_POOL_U:
        elementwise(step, images, worker, share)
    elif step.kernel < Kernel.RESIZE_CHOSEN:
        _pool(step, images, worker, share)
    else:
        _resize(step, images, worker, share)


@kernel
def _convolution(step: Any, images: int, worker: Worker, share: Share, tally: SaturationCount | None) -> None:
    lines, width, elements = images * step.output.height, step.output.width, images * step.lattice.image
    x_lines, x_bytes = step.input.height, step.input.width * step.input.channels
    if step.flag != 0:  # pointwise: all positions of all images are lines of one
        lines, width, x_lines, x_bytes = lines * width, 1, images * x_lines * step.input.width, step.input.channels
        images, elements = 1, lines * step.output.channels
    if step.kernel >= Kernel.CONVOLUTION_FF:
        x_bytes *= 4
    x = array(worker.tensors[step.x], (images, x_lines, x_bytes), np.uint8)
    shape, size = (elements,), (images, lines // images, width)
    units = images * -(-(lines // images) // step.strips.lines)
    parts = parts_of(worker, units, step.weights.groups * step.weights.blocks)
    place = worker.tensors[step.out]
    if step.kernel >= Kernel.CONVOLUTION_FF:
        real = array(place, shape, np.float32)
        floats, after = read_dense(step, np.float32), read_float_epilogue(step)
        if step.kernel == Kernel.CONVOLUTION_FF:
            convolve_units(floats, x, None, real, size, after, None, worker.memory, share, parts)
        else:
            branch = read_float_residual(step, array(worker.tensors[step.other], shape, np.float32))
            convolve_units(floats, x, branch, real, size, after, None, worker.memory, share, parts)
        return
    if step.grid.positions != 0:
        _integers(step, read_matrix(step), x, shape, size, worker, share, parts, None)
    elif tally is None:
        _integers(step, read_dense(step, np.int8), x, shape, size, worker, share, parts, None)
    else:
        _integers(step, read_dense(step, np.int8), x, shape, size, worker, share, parts, _count(tally, step))


@kernel
def _integers(
    step: Any, layer: Dense, x: Array, shape: Any, size: Any, worker: Worker, share: Share, parts: int, count: SaturationCount | None
) -> None:
    """A convolution of codes; x: (N,H,bytes) u8; shape: of out, flat; size: (N,H',W') of the positions."""
    place = worker.tensors[step.out]
    if step.kernel == Kernel.CONVOLUTION_US:
        convolve_units(layer, x, None, array(place, shape, np.int32), size, None, count, worker.memory, share, parts)
    elif step.kernel == Kernel.CONVOLUTION_UF:
        convolve_units(layer, x, None, array(place, shape, np.float32), size, read_epilogue(step), count, worker.memory, share, parts)
    elif step.kernel == Kernel.CONVOLUTION_UU:
        convolve_units(layer, x, None, array(place, shape, np.uint8), size, read_epilogue(step), count, worker.memory, share, parts)
    else:
        residual = read_residual(step, array(worker.tensors[step.other], shape, np.uint8))
        convolve_units(layer, x, residual, array(place, shape, np.uint8), size, read_epilogue(step), count, worker.memory, share, parts)


@kernel
def _count(tally: SaturationCount, step: Any) -> SaturationCount:
    """The tally of one layer's channels."""
    first, stop = step.tally, step.tally + step.output.channels
    return SaturationCount(tally.pairs[first:stop], tally.overflow[first:stop])


@kernel
def _depthwise(step: Any, images: int, worker: Worker, share: Share) -> None:
    shape, place = (images * step.lattice.image,), worker.tensors[step.out]
    size = (images, step.output.height, step.output.width)
    x_bytes = step.input.width * step.input.channels
    if step.kernel == Kernel.DEPTHWISE_FF:
        x = array(worker.tensors[step.x], (images, step.input.height, 4 * x_bytes), np.uint8)
        reals = array(place, shape, np.float32)
        depthwise_units(read_depthwise(step, np.float32), x, reals, size, read_float_epilogue(step), worker.memory, share)
        return
    codes = array(worker.tensors[step.x], (images, step.input.height, x_bytes), np.uint8)
    layer = read_depthwise(step, np.int8)
    if step.kernel == Kernel.DEPTHWISE_UU:
        depthwise_units(layer, codes, array(place, shape, np.uint8), size, read_epilogue(step), worker.memory, share)
    elif step.kernel == Kernel.DEPTHWISE_UF:
        depthwise_units(layer, codes, array(place, shape, np.float32), size, read_epilogue(step), worker.memory, share)
    else:
        depthwise_units(layer, codes, array(place, shape, np.int32), size, None, worker.memory, share)


@kernel
def _pool(step: Any, images: int, worker: Worker, share: Share) -> None:
    window, x, out = read_window(step.window), worker.tensors[step.x], worker.tensors[step.out]
    seen, made = image_of(step.input, images), image_of(step.output, images)
    if step.kernel == Kernel.MAX_POOL_U:
        max_pool_units(array(x, seen, np.uint8), window, array(out, made, np.uint8), share)
    elif step.kernel == Kernel.MAX_POOL_F:
        max_pool_units(array(x, seen, np.float32), window, array(out, made, np.float32), share)
    else:
        average_pool_units(array(x, seen, np.float32), window, step.flag, array(out, made, np.float32), share)


@kernel
def _resize(step: Any, images: int, worker: Worker, share: Share) -> None:
    x, out, rows, columns = worker.tensors[step.x], worker.tensors[step.out], read_taps(step.rows), read_taps(step.columns)
    seen, made = image_of(step.input, images), image_of(step.output, images)
    if step.kernel == Kernel.RESIZE_CHOSEN:  # sizes in bytes
        chosen_units(array(x, seen, np.uint8), rows, columns, array(out, made, np.uint8), share)
    else:
        weighted_units(array(x, seen, np.float32), rows, columns, array(out, made, np.float32), share)
