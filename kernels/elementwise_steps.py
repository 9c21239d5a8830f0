"""The steps between layers: which kernel a row asks for, on which arrays."""

from typing import Any

import numpy as np

from .elementwise import (
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
from .gates import hard_units, product_units
from .jit import kernel
from .kinds import Kernel, Worker, parts_of, positions_of
from .share import Share
from .steps import array, read_affine, read_epilogue
from .sweep import sweep_and_clip_units, sweep_units


@kernel
def elementwise(step: Any, images: int, worker: Worker, share: Share) -> None:
    shape, x, out = positions_of(step.output, images), worker.tensors[step.x], worker.tensors[step.out]
    parts, channels = parts_of(worker, images, max(shape[1] // 64, 1)), shape[2]
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
    elif step.kernel == Kernel.CLIP:
        limits, floats, made = Clip(step.epilogue.low, step.epilogue.high), array(x, shape, np.float32), array(out, shape, np.float32)
        if step.flag == 0:
            clip_units(floats, limits, made, share, parts)
        else:
            found = worker.tensors[step.other]
            extremes, sums = array(found, (images, 8, channels), np.float32), array(found, (images, 4, channels), np.float64)
            sweep_and_clip_units(floats, limits, made, extremes, sums, share)
    elif step.kernel == Kernel.SWEEP:
        seen = array(x, positions_of(step.input, images), np.float32)
        sweep_units(seen, array(out, (images, 4, channels), np.float32), array(out, (images, 2, channels), np.float64), share)
    elif step.kernel == Kernel.COPY:  # sizes in bytes; flag: the first byte in each position of out
        copy_units(array(x, positions_of(step.input, images), np.uint8), step.flag, array(out, shape, np.uint8), share, parts)
    elif step.kernel == Kernel.TURN_U:
        turn_units(array(x, (images, channels, shape[1]), np.uint8), array(out, shape, np.uint8), share, parts)
    elif step.kernel == Kernel.TURN_F:
        turn_units(array(x, (images, channels, shape[1]), np.float32), array(out, shape, np.float32), share, parts)
    else:
        _mean(step, images, x, out, share)


@kernel
def _mean(step: Any, images: int, x: int, out: int, share: Share) -> None:
    seen, made = positions_of(step.input, images), (images, step.output.channels)
    if step.kernel == Kernel.MEAN_FF:
        mean_units(array(x, seen, np.float32), None, None, array(out, made, np.float32), share)
        return
    codes, affine = array(x, seen, np.uint8), read_affine(step.affine, step.output.channels)
    if step.kernel == Kernel.MEAN_UF:
        mean_units(codes, affine, None, array(out, made, np.float32), share)
    else:
        mean_units(codes, affine, read_epilogue(step), array(out, made, np.uint8), share)
