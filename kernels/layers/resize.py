"""Resizing images (N,H,W,C): every output pixel is one of the input's, or a weighted sum of some, first along
columns, then along lines.

The float32 sums are those of the definition: every product and every sum is rounded, taps in their order.
"""

from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import types

from ..codegen.isa import ISA
from ..codegen.jit import kernel
from ..codegen.vectors import F32, I64, Vectors, copy_bytes, index, instructions, part
from ..codegen.work_sharing import WorkQueue, claimed
from ..reference import Array


class Taps(NamedTuple):
    """Along one axis: which positions of the input each output position sees, and with which weights; one
    that is chosen, of weight 1.
    """

    indices: Array  # (output, taps) s64
    weights: Array  # (output, taps) f32


@instructions
def _weigh(_: Any, x: Any, size: Any, taps: Any, position: Any, count: Any, out: Any, start: Any) -> Any:
    """The sum of `count` lines of x, each of `size` f32, as the taps of a position weigh them -> out, from
    `start` on; both flat.
    """

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        v = Vectors(builder, ISA, ISA.lanes)
        x, size, t, position, count, out, start = (
            part(context, builder, *pair) for pair in zip(signature.args, arguments, strict=True)
        )
        first = builder.mul(position, count)
        with v.loop(index(0), size, v.lanes) as i:
            mask = v.lanes_below(builder.sub(size, i))

            def term(tap: Any) -> Any:
                line = builder.mul(v.load(v.item(t.indices, v.at(first, tap), 8), I64), size)
                weight = v.splat(v.load(v.item(t.weights, v.at(first, tap), 4), F32))
                return builder.fmul(v.load_lanes(v.item(x, v.at(line, i), 4), v.float32, mask), weight)

            total = v.variable(term(index(0)))
            with v.loop(index(1), count) as tap:
                v.set(total, builder.fadd(v.get(total), term(tap)))
            v.store_lanes(v.get(total), v.item(out, v.at(start, i), 4), mask)
        return context.get_dummy_value()

    return types.void(x, size, taps, position, count, out, start), generate


@kernel
def chosen_units(x: Array, rows: Taps, columns: Taps, out: Array, queue: WorkQueue) -> None:
    """This thread's share of the lines, and the wait for the others. x (N,H,W,bytes) u8 -> out
    (N,H',W',bytes): whole pixels.
    """
    height, width, size = out.shape[1:]
    lines = out.shape[0] * height
    source, target = x.reshape(-1), out.reshape(-1)
    for unit in claimed(queue, lines):
        first = (unit // height * x.shape[1] + rows.indices[unit % height, 0]) * x.shape[2]
        for column in range(width):
            copy_bytes(
                target,
                (unit * width + column) * size,
                source,
                (first + columns.indices[column, 0]) * size,
                size,
            )


@kernel
def weighted_units(x: Array, rows: Taps, columns: Taps, out: Array, queue: WorkQueue) -> None:
    """The same for sums: (N,H,W,C) f32 -> out (N,H',W',C) f32."""
    height, width, channels = out.shape[1:]
    lines = out.shape[0] * height
    line = np.empty(x.shape[2] * channels, np.float32)
    target, image_size = out.reshape(-1), x.shape[1] * len(line)
    source = x.reshape(-1)
    for unit in claimed(queue, lines):
        image = source[unit // height * image_size :][:image_size]
        _weigh(image, len(line), rows, unit % height, rows.weights.shape[1], line, 0)
        for column in range(width):
            _weigh(
                line,
                channels,
                columns,
                column,
                columns.weights.shape[1],
                target,
                (unit * width + column) * channels,
            )
