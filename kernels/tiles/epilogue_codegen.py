"""The end of a tile, as LLVM instructions: its sums become what is stored, by the constants of an Epilogue
(docs/arithmetic.md).

    y = float32(a) * (s s_w) + b                                                                 (8)
    y := min(max(y, low), high)                                                                  (9)
    m = 255 / (H - L),   t = -L 255 / (H - L),   u = min(max(rint(y m + t), 0), 255)             (10)
    rint(x) = (x + 1.5 * 2^23) - 1.5 * 2^23    for |x| <= 2^22                                   (11)

    alpha = m_a r,   beta = t_a r + low
    v = min(max(alpha y + beta, low), low + 255 r) + (q_b + f_b)                                 (15)

epilogue.py explains the letters. Codes leave four registers at a time (narrowing.py). In the code `t` is a
Target, `c` what is known of a register of channels.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from types import SimpleNamespace
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types

from ..codegen.narrowing import clip_codes, cut, narrow, regroup, rounded
from ..codegen.vectors import I1, I8, I64, Vectors

# Adding 1.5 * 2**23 to a float32 of -128..255 rounds it to an integer, halves to even, and leaves that
# integer in its last byte (11).
ROUNDER = 12582912.0
LAST_CODE = 255


class Types:
    """Element types of a Target: of its output, and of its residual or None."""

    def __init__(self, target: Any) -> None:
        self.out, residual = target.types[0].dtype, target.types[6]
        self.residual = None if residual == types.none else residual.types[0].dtype

    def are_packed(self, v: Vectors) -> bool:
        """Do results leave four registers at a time?"""
        return bool(self.out == types.uint8 and v.isa.is_x86)


def target_columns(
    v: Vectors, t: SimpleNamespace, count: int, kinds: Types, *, order: Any = None
) -> list[SimpleNamespace]:
    """For each of `count` registers of channels its constants, one number a lane, which channels exist, and
    where they begin.

    order: how the numbers of these registers lie in the tile's own, a function of a list of registers; None:
    as in memory.

    Before codes, bounds of activations become bounds of codes: what follows them keeps order, rounded or not,
    so the clip (9) may as well come after it.
    """
    columns = []
    for offset in range(0, count * v.lanes, v.lanes):
        mask, channel = v.lanes_below(v.at(t.valid, -offset)), v.at(t.channel, offset)
        c = _constants(v, t.epilogue, channel, mask)
        c.offset_of_register, c.channel, c.mask = offset, channel, mask
        c.is_whole = v.builder.icmp_signed(">=", t.valid, I64(offset + v.lanes))
        if kinds.residual is not None:
            c.residual = _constants(v, t.residual, channel, mask)
        columns.append(c)
    if order is not None:
        _reorder(columns, order)
    if t.epilogue and kinds.out == types.uint8:
        bound_codes(v, columns, kinds, is_interleaved=order is not None)
    return columns


def bound_codes(
    v: Vectors, columns: list[SimpleNamespace], kinds: Types, *, is_interleaved: bool = False
) -> None:
    """What the ends of registers of codes need besides their constants. is_interleaved: see `order` of
    target_columns.
    """
    for c in columns:
        _bounds_of_codes(v, c, kinds)
    is_simple = _is_simple(v, columns)
    for c in columns:
        c.is_simple, c.is_interleaved = is_simple, is_interleaved


def _constants(v: Vectors, numbers: SimpleNamespace | None, channel: Any, mask: Any) -> SimpleNamespace:
    """Of an epilogue or a residual: arrays from `channel` on, numbers in every lane."""
    constants = SimpleNamespace()
    for name, part in vars(numbers).items() if numbers else ():
        if name != "x":
            is_array = part.type == I64
            setattr(
                constants,
                name,
                v.load_lanes(v.item(part, channel, 4), v.float32, mask) if is_array else v.splat(part),
            )
    return constants


def _reorder(columns: list[SimpleNamespace], order: Any) -> None:
    for name in ("scale", "bias", "multiplier", "factor", "shift"):
        if hasattr(columns[0], name):
            for c, numbers in zip(columns, order([getattr(c, name) for c in columns]), strict=True):
                setattr(c, name, numbers)


def _bounds_of_codes(v: Vectors, c: SimpleNamespace, kinds: Types) -> None:
    low, high = c.low, c.high
    if kinds.residual is not None:
        r = c.residual
        r.low, r.high = v.clip(_affine(v, low, r), r.low, r.high), v.clip(_affine(v, high, r), r.low, r.high)
        low, high = r.least, r.most
    least, most = (v.builder.fsub(v.constant(v.float32, n), c.offset) for n in (0, LAST_CODE))
    c.first_code, c.last_code = (v.clip(_affine(v, end, c), least, most) for end in (low, high))
    c.rounder = v.builder.fadd(v.constant(v.float32, ROUNDER), c.offset)


def _is_simple(v: Vectors, columns: list[SimpleNamespace]) -> Any:
    """Is every affine map of all channels one fused multiply-add, and no result beyond what an int32 holds? A
    bool.

    A product is rounded of its own only where something else than zero is added to it; sums of integers are
    at most 2**31.
    """
    simple = v.builder.not_(v.constant(ir.VectorType(I1, v.lanes), 0))
    for c in columns:
        reach = v.multiply_add(v.magnitude(c.bias), v.magnitude(c.scale), v.constant(v.float32, 2.0**31))
        if hasattr(c, "residual"):
            r = c.residual
            reach, fused = _through(v, r, reach)
            for bound in (r.low, r.high):
                size = v.magnitude(bound)
                finite = v.builder.fcmp_ordered("<", size, v.constant(v.float32, np.inf))
                reach = v.builder.fadd(reach, v.builder.select(finite, size, v.constant(v.float32, 0)))
            reach = v.builder.fadd(reach, v.constant(v.float32, LAST_CODE))
            simple = v.builder.and_(simple, fused)
        reach, fused = _through(v, c, reach)
        fits = v.builder.fcmp_ordered("<", reach, v.constant(v.float32, 2.0**30))
        simple = v.builder.and_(simple, v.builder.and_(fits, fused))
    mask = v.builder.bitcast(simple, ir.IntType(v.lanes))
    return v.builder.icmp_unsigned("==", mask, ir.Constant(mask.type, -1))


def _through(v: Vectors, c: SimpleNamespace, reach: Any) -> tuple[Any, Any]:
    """How far numbers up to `reach` get by the affine map of c, and whether it is one fused multiply-add; c
    learns its coefficient.
    """
    c.coefficient = v.builder.fmul(c.multiplier, c.factor)  # exact: one of them is 1
    one, zero = (v.constant(v.float32, number) for number in (1, 0))
    fused = v.builder.or_(
        v.builder.fcmp_ordered("==", c.multiplier, one), v.builder.fcmp_ordered("==", c.shift, zero)
    )
    return v.multiply_add(v.magnitude(c.shift), reach, v.magnitude(c.coefficient)), fused


def place_of(v: Vectors, t: SimpleNamespace, position: Any) -> Any:
    """Where the results of a position begin, in elements of t.out."""
    return v.at(t.start, v.load(v.item(t.places, position, 8), I64))


def store(
    v: Vectors,
    t: SimpleNamespace,
    columns: list[SimpleNamespace],
    starts: list[Any],
    rows: list[list[Any]],
    kinds: Types,
    exist: list[Any] | None = None,
) -> None:
    """Finish the sums of some positions, a register for each column, and write the channels that exist.

    starts: of the positions, in t.out; exist: bools, which of them do, or None if all.
    """
    registers = [
        SimpleNamespace(
            position=m,
            exists=exist[m] if exist else None,
            place=v.at(start, c.offset_of_register),
            column=c,
            total=total,
        )
        for m, (start, row) in enumerate(zip(starts, rows, strict=True))
        for c, total in zip(columns, row, strict=True)
    ]
    size = kinds.out.bitwidth // 8
    if not kinds.are_packed(v):
        for r in registers:
            with _only_if(v, r.exists):
                _write(
                    v,
                    v.item(t.out, r.place, size),
                    _finish(v, t, r, kinds) if t.epilogue else r.total,
                    [r.column],
                )
        return
    for i in range(0, len(registers), 4):
        four = registers[i : i + 4]
        codes, begin = _codes(v, t, [*four, *[four[-1]] * (4 - len(four))], kinds), 0
        for _, group in groupby(four, lambda r: r.position):
            piece = list(group)
            with _only_if(v, piece[0].exists):
                _write(
                    v,
                    v.item(t.out, piece[0].place, 1),
                    cut(v, codes, begin, len(piece) * v.lanes),
                    [r.column for r in piece],
                )
            begin += len(piece) * v.lanes


@contextmanager
def _only_if(v: Vectors, condition: Any) -> Iterator[None]:
    if condition is None:
        yield
    else:
        with v.builder.if_then(condition):
            yield


def read(v: Vectors, address: Any, kind: ir.VectorType, column: SimpleNamespace) -> Any:
    """The numbers of the channels that exist."""
    result = v.variable(v.constant(kind, 0))
    with v.builder.if_else(column.is_whole) as (whole, partly):
        with whole:
            v.set(result, v.load(address, kind))
        with partly:
            v.set(result, v.load_lanes(address, kind, column.mask))
    return v.get(result)


def _write(v: Vectors, address: Any, value: Any, columns: list[SimpleNamespace]) -> None:
    """Neighbouring registers. Without a mask where there are channels for all lanes: before AVX-512, masks
    cost a branch for each byte.
    """
    with v.builder.if_else(columns[-1].is_whole) as (whole, partly):
        with whole:
            v.store(value, address)
        with partly:
            v.store_lanes(value, address, v.side_by_side([c.mask for c in columns]))


def _codes(v: Vectors, t: SimpleNamespace, registers: list[SimpleNamespace], kinds: Types) -> Any:
    """Four registers of sums -> one of u8, in their order."""
    columns, reals = [r.column for r in registers], [_real(v, r) for r in registers]
    addends = [_addend(v, t, r, kinds) for r in registers]
    results = [v.variable(y) for y in reals]
    is_simple = columns[0].is_simple if registers[0].total.type == v.int32 else ir.Constant(I1, 0)
    with v.builder.if_else(is_simple) as (simple, otherwise):
        for block, affine in ((simple, _mapped_simply), (otherwise, _mapped)):
            with block:
                for result, y, addend, c in zip(results, reals, addends, columns, strict=True):
                    v.set(result, affine(v, y, addend, c))
    first, last = (
        _narrowed(v, [getattr(c, name) for c in columns], columns) for name in ("first_code", "last_code")
    )
    codes = clip_codes(v, _narrowed(v, [v.get(result) for result in results], columns), first, last)
    return codes if columns[0].is_interleaved else regroup(v, codes)


def _mapped(v: Vectors, y: Any, addend: Any, c: SimpleNamespace) -> Any:
    """Codes before they are rounded, but no more than the last: what is too large for an int32 would be
    rounded to its smallest.
    """
    if addend is not None:
        y = v.builder.fadd(v.clip(_affine(v, y, c.residual), c.residual.low, c.residual.high), addend)
    return v.at_most(_affine(v, y, c), c.last_code)


def _mapped_simply(v: Vectors, y: Any, addend: Any, c: SimpleNamespace) -> Any:
    if addend is not None:
        r = c.residual
        y = v.builder.fadd(v.clip(v.fused_multiply_add(r.shift, y, r.coefficient), r.low, r.high), addend)
    return v.fused_multiply_add(c.shift, y, c.coefficient)


def _narrowed(v: Vectors, reals: list[Any], columns: list[SimpleNamespace]) -> Any:
    """Four registers of floats, rounded, offset and clipped to u8."""
    words = []
    for pair in (slice(0, 2), slice(2, 4)):
        offset = narrow(v, *(rounded(v, c.offset) for c in columns[pair]))
        words.append(v.add_clipped(narrow(v, *(rounded(v, y) for y in reals[pair])), offset))
    return narrow(v, *words)


def _finish(v: Vectors, t: SimpleNamespace, r: SimpleNamespace, kinds: Types) -> Any:
    """A register of sums -> what is stored, f32 or u8."""
    y, c = _real(v, r), r.column
    if kinds.out == types.uint8:
        y = _mapped(v, y, _addend(v, t, r, kinds), c)
        y = v.builder.fadd(v.clip(y, c.first_code, c.last_code), c.rounder)
        return v.builder.trunc(v.builder.bitcast(y, v.int32), ir.VectorType(I8, v.lanes))
    y = v.clip(y, c.low, c.high)
    if kinds.residual is not None:
        y = v.builder.fadd(y, read(v, v.item(t.residual.x, r.place, 4), v.float32, c))
        y = v.clip(y, c.residual.least, c.residual.most)
    return y


def _real(v: Vectors, r: SimpleNamespace) -> Any:
    """A register of sums -> the numbers they stand for (8)."""
    total, c = r.total, r.column
    y = total if total.type == v.float32 else v.builder.fmul(v.builder.sitofp(total, v.float32), c.scale)
    return v.builder.fadd(y, c.bias)


def _addend(v: Vectors, t: SimpleNamespace, r: SimpleNamespace, kinds: Types) -> Any:
    """Codes of a residual branch, from their zero on (15); None if there is none."""
    if kinds.residual is None:
        return None
    codes = read(v, v.item(t.residual.x, r.place, 1), ir.VectorType(I8, v.lanes), r.column)
    return v.builder.fsub(v.builder.sitofp(v.builder.zext(codes, v.int32), v.float32), r.column.residual.zero)


def _affine(v: Vectors, y: Any, c: SimpleNamespace) -> Any:
    """y * multiplier * factor + shift: one product rounded, the other not."""
    return v.fused_multiply_add(c.shift, v.builder.fmul(y, c.multiplier), c.factor)
