"""The steps between layers: on which arrays each kernel works."""

from typing import Any, NamedTuple

import numpy as np

from ..codegen.jit import kernel
from ..layers.elementwise import (
    Clip,
    add_units,
    clip_units,
    copy_units,
    dequantize_units,
    mean_units,
    quantize_units,
    requantize_units,
    turn_units,
)
from ..layers.products import hard_units, product_units
from ..statistics.min_max_sum import sweep_and_clip_units, sweep_units
from .step import array, read_affine, read_epilogue
from .step_kernels import Kernel, Worker, parts_of, positions_of, step_at, step_kernel, worker_at


class Seen(NamedTuple):
    """What a step reads, and what it makes."""

    x: int  # where
    out: int
    shape: tuple[int, int, int]  # (N,positions,C) of out
    turned: tuple[int, int, int]  # (N,C,positions)
    parts: int  # in how many an image is cut


@kernel
def _seen(step: Any, images: int, worker: Worker) -> Seen:
    shape = positions_of(step.output, images)
    parts = parts_of(worker, images, max(shape[1] // 64, 1))
    return Seen(worker.tensors[step.x], worker.tensors[step.out], shape, (images, shape[2], shape[1]), parts)


@step_kernel(Kernel.QUANTIZE)
def quantize(row: int, images: int, frame: int, call: int) -> None:
    step, worker = step_at(row), worker_at(frame, call)
    s = _seen(step, images, worker)
    quantize_units(
        array(s.x, s.shape, np.float32),
        read_epilogue(step),
        False,
        array(s.out, s.shape, np.uint8),
        worker.share,
        s.parts,
    )


@step_kernel(Kernel.QUANTIZE_TURNED)
def quantize_turned(row: int, images: int, frame: int, call: int) -> None:
    step, worker = step_at(row), worker_at(frame, call)
    s = _seen(step, images, worker)
    quantize_units(
        array(s.x, s.turned, np.float32),
        read_epilogue(step),
        True,
        array(s.out, s.shape, np.uint8),
        worker.share,
        s.parts,
    )


@step_kernel(Kernel.DEQUANTIZE)
def dequantize(row: int, images: int, frame: int, call: int) -> None:
    step, worker = step_at(row), worker_at(frame, call)
    s = _seen(step, images, worker)
    affine = read_affine(step.affine, step.output.channels)
    dequantize_units(
        array(s.x, s.shape, np.uint8), affine, array(s.out, s.shape, np.float32), worker.share, s.parts
    )


@step_kernel(Kernel.REQUANTIZE)
def requantize(row: int, images: int, frame: int, call: int) -> None:
    step, worker = step_at(row), worker_at(frame, call)
    s = _seen(step, images, worker)
    affine = read_affine(step.affine, step.output.channels)
    out = array(s.out, s.shape, np.uint8)
    requantize_units(array(s.x, s.shape, np.uint8), affine, read_epilogue(step), out, worker.share, s.parts)


@step_kernel(Kernel.AFFINE)
def affine_of_floats(row: int, images: int, frame: int, call: int) -> None:
    step, worker = step_at(row), worker_at(frame, call)
    s = _seen(step, images, worker)
    affine = read_affine(step.affine, step.output.channels)
    dequantize_units(
        array(s.x, s.shape, np.float32), affine, array(s.out, s.shape, np.float32), worker.share, s.parts
    )


@step_kernel(Kernel.ADD)
def add(row: int, images: int, frame: int, call: int) -> None:
    step, worker = step_at(row), worker_at(frame, call)
    s, limits = _seen(step, images, worker), Clip(step.epilogue.low, step.epilogue.high)
    a, b = array(s.x, s.shape, np.float32), array(worker.tensors[step.other], s.shape, np.float32)
    add_units(a, b, limits, array(s.out, s.shape, np.float32), worker.share, s.parts)


@step_kernel(Kernel.PRODUCT)
def product(row: int, images: int, frame: int, call: int) -> None:
    step, worker = step_at(row), worker_at(frame, call)
    s = _seen(step, images, worker)
    shape = images, 1 if step.flag != 0 else s.shape[1], s.shape[2]
    factors = array(worker.tensors[step.other], shape, np.float32)
    product_units(
        array(s.x, s.shape, np.float32), factors, array(s.out, s.shape, np.float32), worker.share, s.parts
    )


@step_kernel(Kernel.HARD)
def hard(row: int, images: int, frame: int, call: int) -> None:
    step, worker = step_at(row), worker_at(frame, call)
    s = _seen(step, images, worker)
    hard_units(
        array(s.x, s.shape, np.float32),
        step.flag != 0,
        array(s.out, s.shape, np.float32),
        worker.share,
        s.parts,
    )


@step_kernel(Kernel.CLIP)
def clip(row: int, images: int, frame: int, call: int) -> None:
    step, worker = step_at(row), worker_at(frame, call)
    s, limits = _seen(step, images, worker), Clip(step.epilogue.low, step.epilogue.high)
    clip_units(
        array(s.x, s.shape, np.float32), limits, array(s.out, s.shape, np.float32), worker.share, s.parts
    )


@step_kernel(Kernel.CLIP_AND_SWEEP)
def clip_and_sweep(row: int, images: int, frame: int, call: int) -> None:
    step, worker = step_at(row), worker_at(frame, call)
    s, limits = _seen(step, images, worker), Clip(step.epilogue.low, step.epilogue.high)
    found, channels = worker.tensors[step.other], s.shape[2]
    extremes, sums = (
        array(found, (images, 8, channels), np.float32),
        array(found, (images, 4, channels), np.float64),
    )
    sweep_and_clip_units(
        array(s.x, s.shape, np.float32),
        limits,
        array(s.out, s.shape, np.float32),
        extremes,
        sums,
        worker.share,
    )


@step_kernel(Kernel.SWEEP)
def sweep(row: int, images: int, frame: int, call: int) -> None:
    step, worker = step_at(row), worker_at(frame, call)
    x, out, channels = worker.tensors[step.x], worker.tensors[step.out], step.output.channels
    extremes, sums = (
        array(out, (images, 4, channels), np.float32),
        array(out, (images, 2, channels), np.float64),
    )
    sweep_units(array(x, positions_of(step.input, images), np.float32), extremes, sums, worker.share)


@step_kernel(Kernel.COPY)
def copy(row: int, images: int, frame: int, call: int) -> None:
    step, worker = step_at(row), worker_at(frame, call)
    s = _seen(step, images, worker)
    x = array(s.x, positions_of(step.input, images), np.uint8)
    copy_units(x, step.flag, array(s.out, s.shape, np.uint8), worker.share, s.parts)


@step_kernel(Kernel.TURN_U)
def turn_codes(row: int, images: int, frame: int, call: int) -> None:
    step, worker = step_at(row), worker_at(frame, call)
    s = _seen(step, images, worker)
    turn_units(array(s.x, s.turned, np.uint8), array(s.out, s.shape, np.uint8), worker.share, s.parts)


@step_kernel(Kernel.TURN_F)
def turn_floats(row: int, images: int, frame: int, call: int) -> None:
    step, worker = step_at(row), worker_at(frame, call)
    s = _seen(step, images, worker)
    turn_units(array(s.x, s.turned, np.float32), array(s.out, s.shape, np.float32), worker.share, s.parts)


@step_kernel(Kernel.MEAN_FF)
def mean_of_floats(row: int, images: int, frame: int, call: int) -> None:
    step, worker = step_at(row), worker_at(frame, call)
    channels = step.output.channels
    x, out = worker.tensors[step.x], worker.tensors[step.out]
    seen, made = (
        array(x, positions_of(step.input, images), np.float32),
        array(out, (images, channels), np.float32),
    )
    mean_units(seen, None, None, made, worker.share)


@step_kernel(Kernel.MEAN_UF)
def mean_of_codes(row: int, images: int, frame: int, call: int) -> None:
    step, worker = step_at(row), worker_at(frame, call)
    channels = step.output.channels
    x, out = worker.tensors[step.x], worker.tensors[step.out]
    seen, made = (
        array(x, positions_of(step.input, images), np.uint8),
        array(out, (images, channels), np.float32),
    )
    mean_units(seen, read_affine(step.affine, channels), None, made, worker.share)


@step_kernel(Kernel.MEAN_UU)
def mean_of_codes_to_codes(row: int, images: int, frame: int, call: int) -> None:
    step, worker = step_at(row), worker_at(frame, call)
    channels = step.output.channels
    x, out = worker.tensors[step.x], worker.tensors[step.out]
    seen, made = (
        array(x, positions_of(step.input, images), np.uint8),
        array(out, (images, channels), np.uint8),
    )
    mean_units(seen, read_affine(step.affine, channels), read_epilogue(step), made, worker.share)
