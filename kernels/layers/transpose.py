"""Two axes of an array exchanged, block by block in registers: channels to the last axis, and back."""

from typing import Any

from llvmlite import ir
from numba import types

from ..codegen.isa import ISA
from ..codegen.jit import kernel
from ..codegen.vectors import Vectors, instructions, part
from ..reference import Array

BLOCK_BYTES = 16  # of a line of a block, which has as many lines as elements
# of the output that are written at a time; often each is a page of its own, and processors remember few of
# these
OPEN_LINES = 16


@instructions
def _transpose_block(_: Any, x: Any, pitch: Any, out: Any, out_pitch: Any) -> Any:
    """The block at the beginning of x, whose lines are `pitch` elements apart, into the beginning of out; u8
    or f32.

    Interleaving line i with line i + n/2, n lines, moves one bit of every element's column number to its line
    number. After log2(n) times they have changed places.
    """
    size = x.dtype.bitwidth // 8

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        v = Vectors(builder, ISA, BLOCK_BYTES // 4)
        begin, end = (part(context, builder, signature.args[i], arguments[i]) for i in (0, 2))
        count = BLOCK_BYTES // size
        lines = [
            v.load(v.at(begin, builder.mul(arguments[1], ir.Constant(arguments[1].type, i * size))), v.int32)
            for i in range(count)
        ]
        for _ in range(count.bit_length() - 1):
            pairs = zip(lines[: count // 2], lines[count // 2 :], strict=True)
            lines = [half for pair in pairs for half in v.interleave(*pair, 8 * size)]
        for i, line in enumerate(lines):
            v.store(line, v.at(end, builder.mul(arguments[3], ir.Constant(arguments[3].type, i * size))))
        return context.get_dummy_value()

    return types.void(x, types.int64, out, types.int64), generate


@kernel
def transpose(x: Array, out: Array) -> None:
    """x (A,B) u8 or f32, of contiguous lines -> out (B,A), same dtype, of contiguous lines."""
    n = BLOCK_BYTES // x.itemsize
    whole_lines, whole_columns = len(x) // n * n, x.shape[1] // n * n
    pitch, out_pitch = x.strides[0] // x.itemsize, out.strides[0] // out.itemsize
    for first in range(0, whole_columns, OPEN_LINES):
        for i in range(0, whole_lines, n):
            for j in range(first, min(first + OPEN_LINES, whole_columns), n):
                _transpose_block(x[i:, j:], pitch, out[j:, i:], out_pitch)
    for i in range(whole_lines, len(x)):
        for j in range(whole_columns):
            out[j, i] = x[i, j]
    for j in range(whole_columns, x.shape[1]):
        for i in range(len(x)):
            out[j, i] = x[i, j]
