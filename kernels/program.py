"""A program: steps, and one compiled loop that walks them, so that a model costs one call from Python however many layers it has.

    for a slice of the batch:
        for step in steps:
            the step's kernel (tensors by their number, constants by their address)

Threads either take a slice of the batch each and never meet, or share every step's units and meet at its end (share.py).
"""

from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np

from .dense import Dense, convolve_units
from .depthwise import depthwise_units
from .elementwise import Clip, add_units, channels_last_units, copy_units, dequantize_units, mean_units, quantize_units, requantize_units
from .gates import hard_units, product_units
from .jit import kernel
from .pooling import average_pool_units, max_pool_units
from .reference import Array
from .resize import chosen_units, weighted_units
from .saturation import SaturationCount
from .share import Share
from .steps import (
    STEP,
    array,
    read_affine,
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


class Kernel(IntEnum):
    """What a step computes. The letters say of what and to what: codes U, floats F, sums S; R: a residual branch is added."""

    CONVOLUTION_UU = 0
    CONVOLUTION_UF = 1
    CONVOLUTION_US = 2
    CONVOLUTION_UUR = 3  # the branch is codes
    CONVOLUTION_FF = 4
    CONVOLUTION_FFR = 5
    DEPTHWISE_UU = 10
    DEPTHWISE_UF = 11
    DEPTHWISE_US = 12
    DEPTHWISE_FF = 13
    QUANTIZE = 20
    DEQUANTIZE = 21
    ADD = 22
    COPY = 23
    CHANNELS_LAST = 24
    MEAN_FF = 25
    MEAN_UF = 26
    MEAN_UU = 27
    REQUANTIZE = 30
    PRODUCT = 31
    HARD = 32
    AFFINE = 33
    MAX_POOL_U = 40
    MAX_POOL_F = 41
    AVERAGE_POOL = 42
    SUM_POOL = 43
    RESIZE_CHOSEN = 50
    RESIZE_WEIGHTED = 51


class Worker(NamedTuple):
    """What a thread has for itself, or shares on purpose."""

    tensors: Array  # (tensors,) s64: where each one is, for the images at hand; of this thread
    memory: Array  # flat u8, of this thread: strips.scratch_size of the largest step
    counters: Array  # (steps, share.LINE) s64: of all threads that share the steps, else of this one
    threads: int  # how many share the steps


@kernel
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
        _elementwise(step, images, worker, share)
    elif step.kernel < Kernel.RESIZE_CHOSEN:
        _pool(step, images, worker, share)
    else:
        _resize(step, images, worker, share)


@kernel
def _image(shape: Any, images: int) -> tuple[int, int, int, int]:
    return images, shape.height, shape.width, shape.channels


@kernel
def _positions(shape: Any, images: int) -> tuple[int, int, int]:
    return images, shape.height * shape.width, shape.channels


@kernel
def _parts(worker: Worker, units: int, most: int) -> int:
    """In how many parts a unit is cut, so that threads that share a step have several units each."""
    if worker.threads == 1:
        return 1
    return max(1, min(most, 4 * worker.threads // max(units, 1)))


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
    parts = _parts(worker, units, step.weights.groups * step.weights.blocks)
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
def _elementwise(step: Any, images: int, worker: Worker, share: Share) -> None:
    shape, x, out = _positions(step.output, images), worker.tensors[step.x], worker.tensors[step.out]
    parts, channels = _parts(worker, images, max(shape[1] // 64, 1)), shape[2]
    if step.kernel == Kernel.QUANTIZE:
        codes, epilogue = array(out, shape, np.uint8), read_epilogue(step)
        if step.flag != 0:  # channels first
            quantize_units(array(x, (images, channels, shape[1]), np.float32), epilogue, True, codes, share, parts)
        else:
            quantize_units(array(x, shape, np.float32), epilogue, False, codes, share, parts)
    elif step.kernel == Kernel.DEQUANTIZE:
        affine = read_affine(step.affine, channels)
        dequantize_units(array(x, shape, np.uint8), affine, array(out, shape, np.float32), share, parts)
    elif step.kernel == Kernel.REQUANTIZE:
        affine, codes = read_affine(step.affine, channels), array(out, shape, np.uint8)
        requantize_units(array(x, shape, np.uint8), affine, read_epilogue(step), codes, share, parts)
    elif step.kernel == Kernel.AFFINE:
        affine = read_affine(step.affine, channels)
        dequantize_units(array(x, shape, np.float32), affine, array(out, shape, np.float32), share, parts)
    elif step.kernel == Kernel.PRODUCT:  # flag: other is one factor a channel
        factors = array(worker.tensors[step.other], (images, 1 if step.flag != 0 else shape[1], channels), np.float32)
        product_units(array(x, shape, np.float32), factors, array(out, shape, np.float32), share, parts)
    elif step.kernel == Kernel.HARD:
        hard_units(array(x, shape, np.float32), step.flag != 0, array(out, shape, np.float32), share, parts)
    elif step.kernel == Kernel.ADD:
        a, b = array(x, shape, np.float32), array(worker.tensors[step.other], shape, np.float32)
        add_units(a, b, Clip(step.epilogue.low, step.epilogue.high), array(out, shape, np.float32), share, parts)
    elif step.kernel == Kernel.COPY:  # sizes in bytes; flag: the first byte in each position of out
        copy_units(array(x, _positions(step.input, images), np.uint8), step.flag, array(out, shape, np.uint8), share, parts)
    elif step.kernel == Kernel.CHANNELS_LAST and step.flag == 1:  # bytes of an element
        channels_last_units(array(x, (images, channels, shape[1]), np.uint8), array(out, shape, np.uint8), share, parts)
    elif step.kernel == Kernel.CHANNELS_LAST:
        channels_last_units(array(x, (images, channels, shape[1]), np.float32), array(out, shape, np.float32), share, parts)
    else:
        _mean(step, images, x, out, share)


@kernel
def _mean(step: Any, images: int, x: int, out: int, share: Share) -> None:
    seen, made = _positions(step.input, images), (images, step.output.channels)
    if step.kernel == Kernel.MEAN_FF:
        mean_units(array(x, seen, np.float32), None, None, array(out, made, np.float32), share)
        return
    codes, affine = array(x, seen, np.uint8), read_affine(step.affine, step.output.channels)
    if step.kernel == Kernel.MEAN_UF:
        mean_units(codes, affine, None, array(out, made, np.float32), share)
    else:
        mean_units(codes, affine, read_epilogue(step), array(out, made, np.uint8), share)


@kernel
def _pool(step: Any, images: int, worker: Worker, share: Share) -> None:
    window, x, out = read_window(step.window), worker.tensors[step.x], worker.tensors[step.out]
    seen, made = _image(step.input, images), _image(step.output, images)
    if step.kernel == Kernel.MAX_POOL_U:
        max_pool_units(array(x, seen, np.uint8), window, array(out, made, np.uint8), share)
    elif step.kernel == Kernel.MAX_POOL_F:
        max_pool_units(array(x, seen, np.float32), window, array(out, made, np.float32), share)
    else:
        divide = step.kernel == Kernel.AVERAGE_POOL
        average_pool_units(array(x, seen, np.float32), window, step.flag != 0, divide, array(out, made, np.float32), share)


@kernel
def _resize(step: Any, images: int, worker: Worker, share: Share) -> None:
    x, out, rows, columns = worker.tensors[step.x], worker.tensors[step.out], read_taps(step.rows), read_taps(step.columns)
    seen, made = _image(step.input, images), _image(step.output, images)
    if step.kernel == Kernel.RESIZE_CHOSEN:  # sizes in bytes
        chosen_units(array(x, seen, np.uint8), rows, columns, array(out, made, np.uint8), share)
    else:
        weighted_units(array(x, seen, np.float32), rows, columns, array(out, made, np.float32), share)
