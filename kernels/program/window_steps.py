"""The steps that look at each channel through a window: depthwise convolutions, pooling, resizing, im2col."""

from typing import Any

import numpy as np

from ..codegen.jit import kernel
from ..layers.depthwise import depthwise_units
from ..layers.im2col import im2col_units
from ..layers.pooling import average_pool_units, max_pool_units
from ..layers.resize import chosen_units, weighted_units
from ..reference import Array
from .step import array, read_depthwise, read_epilogue, read_float_epilogue, read_taps, read_window
from .step_kernels import Kernel, Worker, image_of, step_at, step_kernel, worker_at


@kernel
def _lines(step: Any, images: int, worker: Worker, itemsize: int) -> Array:
    """x of a depthwise convolution, (N,H,bytes) u8."""
    return array(
        worker.tensors[step.x],
        (images, step.input.height, step.input.width * step.input.channels * itemsize),
        np.uint8,
    )


@kernel
def _positions(step: Any, images: int) -> tuple[int, int, int]:
    return images, step.output.height, step.output.width


@step_kernel(Kernel.DEPTHWISE_UU)
def depthwise_to_codes(row: int, images: int, frame: int, call: int) -> None:
    step, worker = step_at(row), worker_at(frame, call)
    layer, x = read_depthwise(step, np.int8), _lines(step, images, worker, 1)
    out = array(worker.tensors[step.out], (images * step.lattice.image,), np.uint8)
    depthwise_units(layer, x, out, _positions(step, images), read_epilogue(step), worker.memory, worker.share)


@step_kernel(Kernel.DEPTHWISE_UF)
def depthwise_to_floats(row: int, images: int, frame: int, call: int) -> None:
    step, worker = step_at(row), worker_at(frame, call)
    layer, x = read_depthwise(step, np.int8), _lines(step, images, worker, 1)
    out = array(worker.tensors[step.out], (images * step.lattice.image,), np.float32)
    depthwise_units(layer, x, out, _positions(step, images), read_epilogue(step), worker.memory, worker.share)


@step_kernel(Kernel.DEPTHWISE_US)
def depthwise_to_sums(row: int, images: int, frame: int, call: int) -> None:
    step, worker = step_at(row), worker_at(frame, call)
    layer, x = read_depthwise(step, np.int8), _lines(step, images, worker, 1)
    out = array(worker.tensors[step.out], (images * step.lattice.image,), np.int32)
    depthwise_units(layer, x, out, _positions(step, images), None, worker.memory, worker.share)


@step_kernel(Kernel.DEPTHWISE_FF)
def depthwise_of_floats(row: int, images: int, frame: int, call: int) -> None:
    step, worker = step_at(row), worker_at(frame, call)
    layer, x = read_depthwise(step, np.float32), _lines(step, images, worker, 4)
    out = array(worker.tensors[step.out], (images * step.lattice.image,), np.float32)
    depthwise_units(
        layer, x, out, _positions(step, images), read_float_epilogue(step), worker.memory, worker.share
    )


@step_kernel(Kernel.IM2COL)
def im2col(row: int, images: int, frame: int, call: int) -> None:
    step, worker = step_at(row), worker_at(frame, call)
    x, out = (
        array(worker.tensors[step.x], image_of(step.input, images), np.uint8),
        image_of(step.output, images),
    )
    window = read_window(step.window)
    im2col_units(
        x, window, step.flag, step.zero_point, array(worker.tensors[step.out], out, np.uint8), worker.share
    )


@step_kernel(Kernel.MAX_POOL_U)
def max_pool_of_codes(row: int, images: int, frame: int, call: int) -> None:
    step, worker = step_at(row), worker_at(frame, call)
    x, out = (
        array(worker.tensors[step.x], image_of(step.input, images), np.uint8),
        image_of(step.output, images),
    )
    max_pool_units(x, read_window(step.window), array(worker.tensors[step.out], out, np.uint8), worker.share)


@step_kernel(Kernel.MAX_POOL_F)
def max_pool_of_floats(row: int, images: int, frame: int, call: int) -> None:
    step, worker = step_at(row), worker_at(frame, call)
    x, out = (
        array(worker.tensors[step.x], image_of(step.input, images), np.float32),
        image_of(step.output, images),
    )
    max_pool_units(
        x, read_window(step.window), array(worker.tensors[step.out], out, np.float32), worker.share
    )


@step_kernel(Kernel.AVERAGE_POOL)
def average_pool(row: int, images: int, frame: int, call: int) -> None:
    step, worker = step_at(row), worker_at(frame, call)
    x, out = (
        array(worker.tensors[step.x], image_of(step.input, images), np.float32),
        image_of(step.output, images),
    )
    average_pool_units(
        x, read_window(step.window), step.flag, array(worker.tensors[step.out], out, np.float32), worker.share
    )


@step_kernel(Kernel.RESIZE_CHOSEN)
def resize_chosen(row: int, images: int, frame: int, call: int) -> None:
    step, worker = step_at(row), worker_at(frame, call)
    x, out = (
        array(worker.tensors[step.x], image_of(step.input, images), np.uint8),
        image_of(step.output, images),
    )
    chosen_units(
        x,
        read_taps(step.rows),
        read_taps(step.columns),
        array(worker.tensors[step.out], out, np.uint8),
        worker.share,
    )


@step_kernel(Kernel.RESIZE_WEIGHTED)
def resize_weighted(row: int, images: int, frame: int, call: int) -> None:
    step, worker = step_at(row), worker_at(frame, call)
    x, out = (
        array(worker.tensors[step.x], image_of(step.input, images), np.float32),
        image_of(step.output, images),
    )
    weighted_units(
        x,
        read_taps(step.rows),
        read_taps(step.columns),
        array(worker.tensors[step.out], out, np.float32),
        worker.share,
    )
