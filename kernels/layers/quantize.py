"""float32 numbers on their way to codes, in registers: the end of a tile, whose equations epilogue_codegen.py
shows, without the tile.
"""

from types import SimpleNamespace
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types

from ..codegen.isa import ISA
from ..codegen.jit import kernel
from ..codegen.vectors import F32, I64, Vectors, fields, index, instructions, part
from ..reference import Array
from ..tiles.epilogue import Epilogue, Target
from ..tiles.epilogue_codegen import Types, bound_codes, read, store, target_columns

TOGETHER = 4 * ISA.lanes  # numbers that are finished together


@instructions
def _quantize_positions(_: Any, x: Any, stop: Any, pitch: Any, target: Any) -> Any:
    """Positions 0 .. stop of x (stop,pitch) f32, TOGETHER of them, from the first channel of the
    target on.
    """
    kinds = Types(target)

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        v, (stop, pitch) = Vectors(builder, ISA, ISA.lanes), arguments[1:3]
        begin, t = (
            part(context, builder, signature.args[0], arguments[0]),
            fields(context, builder, target, arguments[3]),
        )
        columns = target_columns(v, t, 4, kinds)
        with v.loop(index(0), stop) as p:
            line = builder.mul(p, pitch)
            numbers = [read(v, v.item(begin, v.at(line, c.channel), 4), v.float32, c) for c in columns]
            store(v, t, columns, [v.at(t.start, line)], [numbers], kinds)
        return context.get_dummy_value()

    return types.void(x, types.int64, types.int64, target), generate


@instructions
def _quantize_line(_: Any, x: Any, target: Any) -> Any:
    """x (target.valid,) f32, all of one channel."""
    kinds = Types(target)

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        v = Vectors(builder, ISA, ISA.lanes)
        begin, t = (
            part(context, builder, signature.args[0], arguments[0]),
            fields(context, builder, target, arguments[1]),
        )
        constants = {}
        for name, value in vars(t.epilogue).items():
            constants[name] = v.splat(
                v.load(v.item(value, t.channel, 4), F32) if value.type == I64 else value
            )
        with v.loop(index(0), t.valid, TOGETHER) as n:
            columns = []
            for offset in range(0, TOGETHER, v.lanes):
                left = builder.sub(t.valid, v.at(n, offset))
                whole = builder.icmp_signed(">=", left, index(v.lanes))
                columns.append(
                    SimpleNamespace(
                        **constants, offset_of_register=offset, mask=v.lanes_below(left), is_whole=whole
                    )
                )
            bound_codes(v, columns, kinds)
            numbers = [
                read(v, v.item(begin, v.at(n, c.offset_of_register), 4), v.float32, c) for c in columns
            ]
            store(v, t, columns, [v.at(t.start, n)], [numbers], kinds)
        return context.get_dummy_value()

    return types.void(x, target), generate


@kernel
def no_places() -> Array:
    """For a Target that looks nothing up; made once for many lines, which are short."""
    return np.empty(0, np.int64)


@kernel
def quantize_positions(x: Array, e: Epilogue, out: Array, places: Array) -> None:
    """x (P,C) f32 -> out (P,C) u8 by the constants of each channel. places: no_places()."""
    positions, channels = out.shape
    for c in range(0, channels, TOGETHER):
        _quantize_positions(x, positions, channels, Target(out, c, places, c, channels - c, e, None))


@kernel
def quantize_line(x: Array, e: Epilogue, channel: int, out: Array, places: Array) -> None:
    """x (n,) f32 -> out (n,) u8 by the constants of one channel. places: no_places()."""
    _quantize_line(x, Target(out, 0, places, channel, len(x), e, None))
