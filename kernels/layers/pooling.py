"""Pooling on NHWC arrays. The largest code is the code of the largest value, so max pooling runs on codes as
it does on floats.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types

from ..codegen.isa import ISA
from ..codegen.jit import kernel
from ..codegen.vectors import F32, I8, Vectors, instructions, part
from ..codegen.work_sharing import WorkQueue, claimed
from ..layout.window import Window, seen_by
from ..reference import Array

# what average_pool_units makes of a window that padding takes part in
MEAN_OF_ALL, MEAN_INSIDE, SUM = 0, 1, 2


@kernel
def max_pool_units(x: Array, window: Window, out: Array, queue: WorkQueue) -> None:
    """This thread's share of the lines, and the wait for the others."""
    lines, column = out.shape[0] * out.shape[1], np.empty(x.shape[2:], x.dtype)
    for unit in claimed(queue, lines):
        _max_line(
            x[unit // out.shape[1]],
            window,
            unit % out.shape[1],
            column,
            out[unit // out.shape[1], unit % out.shape[1]],
        )


@kernel
def _max_line(x: Array, window: Window, line: int, column: Array, out: Array) -> None:
    """x (H,W,C) -> one line (W',C): first the largest of each column (W,C) that the windows see, then along
    the line.
    """
    out[:] = 0 if x.itemsize == 1 else -np.inf
    width, channels = x.shape[1:]
    first, begun = line * window.strides[0] - window.pads_begin[0], False
    for row in range(first, first + window.kernel[0] * window.dilations[0], window.dilations[0]):
        if 0 <= row < x.shape[0]:
            if begun:
                _lift(column, 0, x, row * width * channels, width * channels)
            else:
                _set(column.reshape(-1), x[row].reshape(-1))
                begun = True
    for position in range(out.shape[0] if begun else 0):
        first = position * window.strides[1] - window.pads_begin[1]
        for place in range(first, first + window.kernel[1] * window.dilations[1], window.dilations[1]):
            if 0 <= place < width:
                _lift(out, position * channels, column, place * channels, channels)


@kernel
def _set(a: Array, b: Array) -> None:
    for i in range(len(a)):
        a[i] = b[i]


@instructions
def _lift(_: Any, a: Any, begin: Any, b: Any, other: Any, count: Any) -> Any:
    """The elements of a from `begin` on <- the larger of them and those of b from `other` on; NaN where
    either is. u8 or f32.
    """
    size = a.dtype.bitwidth // 8

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        v = Vectors(builder, ISA, ISA.lanes)
        starts = [
            v.item(part(context, builder, signature.args[i], arguments[i]), arguments[i + 1], size)
            for i in (0, 2)
        ]
        wide, narrow = (v.int8, I8) if size == 1 else (v.float32, F32)
        whole = builder.and_(arguments[4], ir.Constant(arguments[4].type, -wide.count))
        for first, stop, step, kind in (
            (ir.Constant(whole.type, 0), whole, wide.count, wide),
            (whole, arguments[4], 1, narrow),
        ):
            with v.loop(first, stop, step) as i:
                mine, theirs = (v.load(v.item(start, i, size), kind) for start in starts)
                if size == 1:
                    is_mine = builder.icmp_unsigned(">=", mine, theirs)
                else:
                    is_mine = builder.or_(
                        builder.fcmp_ordered(">=", mine, theirs), builder.fcmp_unordered("uno", mine, mine)
                    )
                v.store(builder.select(is_mine, mine, theirs), v.item(starts[0], i, size))
        return context.get_dummy_value()

    return types.void(a, types.int64, b, types.int64, types.int64), generate


@kernel
def average_pool_units(x: Array, window: Window, kind: int, out: Array, queue: WorkQueue) -> None:
    """This thread's share of the lines, and the wait for the others. kind: the mean, with padding or without,
    or the sum.
    """
    lines = out.shape[0] * out.shape[1]
    for unit in claimed(queue, lines):
        _mean_line(
            x[unit // out.shape[1]],
            window,
            kind,
            unit % out.shape[1],
            out[unit // out.shape[1], unit % out.shape[1]],
        )


@kernel
def _mean_line(x: Array, window: Window, kind: int, line: int, out: Array) -> None:
    """x (H,W,C) -> one line (W',C)"""
    bottom, right = x.shape[0] + window.pads_end[0], x.shape[1] + window.pads_end[1]
    for column in range(out.shape[0]):
        target, divisor = out[column], 0
        target[:] = 0
        for tap in range(window.kernel[0] * window.kernel[1]):
            row, place = seen_by(window, line, column, tap)
            if 0 <= row < x.shape[0] and 0 <= place < x.shape[1]:
                divisor += 1
                source = x[row, place]
                for c in range(len(target)):
                    target[c] += source[c]
            elif kind == MEAN_OF_ALL and row < bottom and place < right:
                divisor += 1
        for c in range(len(target) if kind != SUM else 0):
            target[c] /= np.float32(divisor)
