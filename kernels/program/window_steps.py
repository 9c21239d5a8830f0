"""The steps that look at each channel through a window: depthwise convolutions, pooling, resizing, im2col."""

from typing import Any

import numpy as np

from ..codegen.jit import kernel
from ..codegen.pointers import array
from ..layers.depthwise import depthwise_units
from ..layers.im2col import im2col_units
from ..layers.pooling import average_pool_units, max_pool_units
from ..layers.resize import chosen_units, weighted_units
from ..reference import Array
from .step import read_depthwise, read_epilogue, read_float_epilogue, read_taps, read_window
from .step_kernels import (
    Kernel,
    StepFunction,
    Worker,
    image_of,
    step_at,
    step_kernel,
    step_kernels,
    worker_at,
)


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


@step_kernels(  # weights, what is made, and how sums become that
    {
        Kernel.DEPTHWISE_UU: (np.int8, np.uint8, read_epilogue),
        Kernel.DEPTHWISE_UF: (np.int8, np.float32, read_epilogue),
        Kernel.DEPTHWISE_US: (np.int8, np.int32, None),
        Kernel.DEPTHWISE_FF: (np.float32, np.float32, read_float_epilogue),
    }
)
def depthwise(weights: Any, makes: Any, read_epilogue: Any) -> StepFunction:
    itemsize = np.dtype(weights).itemsize  # of an element of x, too

    def run(row: int, images: int, frame: int, call: int) -> None:
        step, worker = step_at(row), worker_at(frame, call)
        layer, x = read_depthwise(step, weights), _lines(step, images, worker, itemsize)
        out = array(worker.tensors[step.out], (images * step.output_layout.image,), makes)
        epilogue = None if read_epilogue is None else read_epilogue(step.epilogue)
        depthwise_units(layer, x, out, _positions(step, images), epilogue, worker.memory, worker.queue)

    return run


@step_kernel(Kernel.IM2COL)
def im2col(row: int, images: int, frame: int, call: int) -> None:
    step, worker = step_at(row), worker_at(frame, call)
    x, out = (
        array(worker.tensors[step.x], image_of(step.input, images), np.uint8),
        image_of(step.output, images),
    )
    window = read_window(step.window)
    im2col_units(
        x, window, step.flag, step.zero_point, array(worker.tensors[step.out], out, np.uint8), worker.queue
    )


@step_kernels({Kernel.MAX_POOL_U: np.uint8, Kernel.MAX_POOL_F: np.float32})
def max_pool(dtype: Any) -> StepFunction:
    def run(row: int, images: int, frame: int, call: int) -> None:
        step, worker = step_at(row), worker_at(frame, call)
        x = array(worker.tensors[step.x], image_of(step.input, images), dtype)
        out = array(worker.tensors[step.out], image_of(step.output, images), dtype)
        max_pool_units(x, read_window(step.window), out, worker.queue)

    return run


@step_kernel(Kernel.AVERAGE_POOL)
def average_pool(row: int, images: int, frame: int, call: int) -> None:
    step, worker = step_at(row), worker_at(frame, call)
    x, out = (
        array(worker.tensors[step.x], image_of(step.input, images), np.float32),
        image_of(step.output, images),
    )
    average_pool_units(
        x, read_window(step.window), step.flag, array(worker.tensors[step.out], out, np.float32), worker.queue
    )


@step_kernels(
    {Kernel.RESIZE_CHOSEN: (chosen_units, np.uint8), Kernel.RESIZE_WEIGHTED: (weighted_units, np.float32)}
)
def resize(resize_units: Any, dtype: Any) -> StepFunction:
    def run(row: int, images: int, frame: int, call: int) -> None:
        step, worker = step_at(row), worker_at(frame, call)
        x = array(worker.tensors[step.x], image_of(step.input, images), dtype)
        out = array(worker.tensors[step.out], image_of(step.output, images), dtype)
        resize_units(x, read_taps(step.rows), read_taps(step.columns), out, worker.queue)

    return run
