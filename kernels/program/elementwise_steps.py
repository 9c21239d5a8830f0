"""The steps between layers: on which arrays each kernel works."""

from typing import Any, NamedTuple

import numpy as np

from ..codegen.jit import kernel
from ..codegen.pointers import array
from ..layers.elementwise import (
    Clip,
    add_units,
    clip_units,
    copy_units,
    dequantize_units,
    mean_units,
    quantize_units,
    requantize_units,
    transpose_units,
)
from ..layers.products import hard_units, product_units
from ..statistics.min_max_sum import min_max_sum_and_clip_units, min_max_sum_units
from .step import read_affine, read_epilogue
from .step_kernels import (
    Kernel,
    StepFunction,
    Worker,
    parts_of,
    positions_of,
    step_at,
    step_kernel,
    step_kernels,
    worker_at,
)


class Seen(NamedTuple):
    """What a step reads, and what it makes."""

    x: int  # where
    out: int
    shape: tuple[int, int, int]  # (N,positions,C) of out
    nchw: tuple[int, int, int]  # (N,C,positions)
    parts: int  # in how many an image is cut


@kernel
def _seen(step: Any, images: int, worker: Worker) -> Seen:
    shape = positions_of(step.output, images)
    parts = parts_of(worker, images, max(shape[1] // 64, 1))
    return Seen(worker.tensors[step.x], worker.tensors[step.out], shape, (images, shape[2], shape[1]), parts)


@step_kernels({Kernel.QUANTIZE: False, Kernel.QUANTIZE_NCHW: True})
def quantize(from_nchw: bool) -> StepFunction:
    def run(row: int, images: int, frame: int, call: int) -> None:
        step, worker = step_at(row), worker_at(frame, call)
        s = _seen(step, images, worker)
        x = array(s.x, s.nchw if from_nchw else s.shape, np.float32)
        out = array(s.out, s.shape, np.uint8)
        quantize_units(x, read_epilogue(step.epilogue), from_nchw, out, worker.queue, s.parts)

    return run


@step_kernels({Kernel.DEQUANTIZE: np.uint8, Kernel.AFFINE: np.float32})
def dequantize(dtype: Any) -> StepFunction:
    def run(row: int, images: int, frame: int, call: int) -> None:
        step, worker = step_at(row), worker_at(frame, call)
        s = _seen(step, images, worker)
        x, out = array(s.x, s.shape, dtype), array(s.out, s.shape, np.float32)
        dequantize_units(x, read_affine(step.affine), out, worker.queue, s.parts)

    return run


@step_kernel(Kernel.REQUANTIZE)
def requantize(row: int, images: int, frame: int, call: int) -> None:
    step, worker = step_at(row), worker_at(frame, call)
    s = _seen(step, images, worker)
    affine = read_affine(step.affine)
    out = array(s.out, s.shape, np.uint8)
    requantize_units(
        array(s.x, s.shape, np.uint8), affine, read_epilogue(step.epilogue), out, worker.queue, s.parts
    )


@step_kernel(Kernel.ADD)
def add(row: int, images: int, frame: int, call: int) -> None:
    step, worker = step_at(row), worker_at(frame, call)
    s, limits = _seen(step, images, worker), Clip(step.epilogue.low, step.epilogue.high)
    a, b = array(s.x, s.shape, np.float32), array(worker.tensors[step.other], s.shape, np.float32)
    add_units(a, b, limits, array(s.out, s.shape, np.float32), worker.queue, s.parts)


@step_kernel(Kernel.PRODUCT)
def product(row: int, images: int, frame: int, call: int) -> None:
    step, worker = step_at(row), worker_at(frame, call)
    s = _seen(step, images, worker)
    shape = images, 1 if step.flag != 0 else s.shape[1], s.shape[2]
    factors = array(worker.tensors[step.other], shape, np.float32)
    product_units(
        array(s.x, s.shape, np.float32), factors, array(s.out, s.shape, np.float32), worker.queue, s.parts
    )


@step_kernel(Kernel.HARD)
def hard(row: int, images: int, frame: int, call: int) -> None:
    step, worker = step_at(row), worker_at(frame, call)
    s = _seen(step, images, worker)
    hard_units(
        array(s.x, s.shape, np.float32),
        step.flag != 0,
        array(s.out, s.shape, np.float32),
        worker.queue,
        s.parts,
    )


@step_kernel(Kernel.CLIP)
def clip(row: int, images: int, frame: int, call: int) -> None:
    step, worker = step_at(row), worker_at(frame, call)
    s, limits = _seen(step, images, worker), Clip(step.epilogue.low, step.epilogue.high)
    clip_units(
        array(s.x, s.shape, np.float32), limits, array(s.out, s.shape, np.float32), worker.queue, s.parts
    )


@step_kernel(Kernel.CLIP_AND_MIN_MAX_SUM)
def clip_and_min_max_sum(row: int, images: int, frame: int, call: int) -> None:
    step, worker = step_at(row), worker_at(frame, call)
    s, limits = _seen(step, images, worker), Clip(step.epilogue.low, step.epilogue.high)
    found, channels = worker.tensors[step.other], s.shape[2]
    extremes, sums = (
        array(found, (images, 8, channels), np.float32),
        array(found, (images, 4, channels), np.float64),
    )
    min_max_sum_and_clip_units(
        array(s.x, s.shape, np.float32),
        limits,
        array(s.out, s.shape, np.float32),
        extremes,
        sums,
        worker.queue,
    )


@step_kernel(Kernel.MIN_MAX_SUM)
def min_max_sum(row: int, images: int, frame: int, call: int) -> None:
    step, worker = step_at(row), worker_at(frame, call)
    x, out, channels = worker.tensors[step.x], worker.tensors[step.out], step.output.channels
    extremes, sums = (
        array(out, (images, 4, channels), np.float32),
        array(out, (images, 2, channels), np.float64),
    )
    min_max_sum_units(array(x, positions_of(step.input, images), np.float32), extremes, sums, worker.queue)


@step_kernel(Kernel.COPY)
def copy(row: int, images: int, frame: int, call: int) -> None:
    step, worker = step_at(row), worker_at(frame, call)
    s = _seen(step, images, worker)
    x = array(s.x, positions_of(step.input, images), np.uint8)
    copy_units(x, step.flag, array(s.out, s.shape, np.uint8), worker.queue, s.parts)


@step_kernels({Kernel.TRANSPOSE_U: np.uint8, Kernel.TRANSPOSE_F: np.float32})
def transpose(dtype: Any) -> StepFunction:
    def run(row: int, images: int, frame: int, call: int) -> None:
        step, worker = step_at(row), worker_at(frame, call)
        s = _seen(step, images, worker)
        x, out = array(s.x, s.nchw, dtype), array(s.out, s.shape, dtype)
        transpose_units(x, out, worker.queue, s.parts)

    return run


@step_kernels(  # what is read and made, and the maps from codes and to codes
    {
        Kernel.MEAN_FF: (np.float32, np.float32, None, None),
        Kernel.MEAN_UF: (np.uint8, np.float32, read_affine, None),
        Kernel.MEAN_UU: (np.uint8, np.uint8, read_affine, read_epilogue),
    }
)
def mean(reads: Any, makes: Any, read_affine: Any, read_epilogue: Any) -> StepFunction:
    def run(row: int, images: int, frame: int, call: int) -> None:
        step, worker = step_at(row), worker_at(frame, call)
        x = array(worker.tensors[step.x], positions_of(step.input, images), reads)
        out = array(worker.tensors[step.out], (images, step.output.channels), makes)
        affine = None if read_affine is None else read_affine(step.affine)
        epilogue = None if read_epilogue is None else read_epilogue(step.epilogue)
        mean_units(x, affine, epilogue, out, worker.queue)

    return run
