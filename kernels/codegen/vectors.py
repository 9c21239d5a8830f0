"""The vocabulary of the generated kernels: vector registers as LLVM values, one method an instruction.

An `@intrinsic` writes LLVM instructions while numba compiles: Python loops are the unrolling, `Vectors` the
instructions, and local variables of the compiled code are stack slots (`cgutils.alloca_once`) that LLVM keeps
in registers.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, cast

from llvmlite import ir
from numba import extending, types
from numba.core import cgutils as typed_cgutils

from ..reference import INT16_MAX, INT16_MIN
from .isa import Isa

I1, I8, I16, I32, I64 = (ir.IntType(bits) for bits in (1, 8, 16, 32, 64))
F32 = ir.FloatType()
cgutils: Any = typed_cgutils  # numba's own annotations are incomplete


def index(number: int) -> ir.Constant:
    return ir.Constant(I64, number)


def fields(context: Any, builder: ir.IRBuilder, kind: Any, value: Any) -> SimpleNamespace:
    """A NamedTuple argument by its field names. An array becomes the address of its first byte; the caller's
    variable keeps it alive.
    """
    parts = (
        part(context, builder, element, builder.extract_value(value, i))
        for i, element in enumerate(kind.types)
    )
    return SimpleNamespace(**dict(zip(kind.fields, parts, strict=True)))


def part(context: Any, builder: ir.IRBuilder, kind: Any, value: Any) -> Any:
    if isinstance(kind, types.Array):
        return builder.ptrtoint(context.make_array(kind)(context, builder, value).data, I64)
    if isinstance(kind, types.NamedTuple):
        return fields(context, builder, kind, value)
    if isinstance(kind, types.UniTuple):
        return tuple(builder.extract_value(value, i) for i in range(kind.count))
    return None if kind == types.none else value


def instructions(generator: Callable[..., Any]) -> Callable[..., Any]:
    """Makes a function of argument types, which returns a signature and what writes the instructions, a
    function of compiled code.

    Arguments that are constants of the calling code have literal types. Bind the result to a name of its
    module: in a closure it would keep its callers out of the cache on disk.
    """
    return cast(Callable[..., Any], extending.intrinsic(prefer_literal=True)(generator))


@instructions
def copy_bytes(_: Any, target: Any, to: Any, source: Any, begin: Any, count: Any) -> Any:
    """`count` bytes of one u8 array, from element `begin` in memory order, into another, from `to` on. They
    must not overlap.
    """

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        places = (
            builder.gep(context.make_array(kind)(context, builder, array).data, [number])
            for kind, array, number in zip(signature.args[::2], arguments[::2], arguments[1::2], strict=False)
        )
        cgutils.raw_memcpy(builder, *places, arguments[4], 1)
        return context.get_dummy_value()

    return types.void(target, types.int64, source, types.int64, types.int64), generate


class Vectors:
    """Registers of `lanes` int32 or float32 elements, or as many bytes of smaller ones, on the chosen
    instruction set.
    """

    def __init__(self, builder: ir.IRBuilder, isa: Isa, lanes: int) -> None:
        self.builder, self.isa, self.lanes = builder, isa, lanes
        self.bits = 32 * lanes
        self.int32, self.float32 = ir.VectorType(I32, lanes), ir.VectorType(F32, lanes)
        self.int16, self.int8 = ir.VectorType(I16, 2 * lanes), ir.VectorType(I8, 4 * lanes)

    # ---- memory, loops, variables ----

    def at(self, base: Any, *terms: Any) -> Any:
        """base + terms, addresses and byte counts of 64 bits; a Python number is a constant."""
        for term in terms:
            base = self.builder.add(base, index(term) if isinstance(term, int) else term)
        return base

    def item(self, base: Any, number: Any, size: int) -> Any:
        """The address of an element of `size` bytes."""
        return self.builder.add(base, self.builder.mul(number, index(size)))

    def load(self, address: Any, kind: ir.Type) -> Any:
        return self.builder.load(self.builder.inttoptr(address, kind.as_pointer()), align=1)

    def store(self, value: Any, address: Any) -> None:
        self.builder.store(value, self.builder.inttoptr(address, value.type.as_pointer()), align=1)

    def lanes_below(self, count: Any) -> Any:
        """(lanes,) bool: which lanes are among the first `count`, an int64 of any size or sign."""
        small = self.builder.trunc(self.call("llvm.smin.i64", I64, count, index(self.lanes)), I32)
        return self.builder.icmp_signed(
            "<", ir.Constant(self.int32, list(range(self.lanes))), self.splat(small)
        )

    def load_lanes(self, address: Any, kind: ir.VectorType, mask: Any) -> Any:
        """The lanes that the mask allows; zero in the others, whose memory is not touched."""
        pointer = self.builder.inttoptr(address, kind.as_pointer())
        name = f"llvm.masked.load.v{kind.count}{_suffix(kind.element)}.p0"
        return self.call(name, kind, pointer, ir.Constant(I32, 1), mask, ir.Constant(kind, [0] * kind.count))

    def store_lanes(self, value: Any, address: Any, mask: Any) -> None:
        """The lanes that the mask allows."""
        pointer = self.builder.inttoptr(address, value.type.as_pointer())
        name = f"llvm.masked.store.v{value.type.count}{_suffix(value.type.element)}.p0"
        self.call(name, ir.VoidType(), value, pointer, ir.Constant(I32, 1), mask)

    def variable(self, value: Any) -> Any:
        """A local variable of the compiled code: read with `get`, written with `set`."""
        slot = cgutils.alloca_once(self.builder, value.type)
        self.builder.store(value, slot)
        return slot

    def get(self, slot: Any) -> Any:
        return self.builder.load(slot)

    def set(self, slot: Any, value: Any) -> None:
        self.builder.store(value, slot)

    @contextmanager
    def loop(self, start: Any, stop: Any, step: int = 1) -> Iterator[Any]:
        """for i in range(start, stop, step)"""
        with cgutils.for_range_slice(self.builder, start, stop, index(step), I64) as (i, _):
            yield i

    # ---- moving ----

    def interleave(self, a: Any, b: Any, bits: int) -> tuple[Any, Any]:
        """Elements of `bits` of a and b in turn, in each 128 bits: those of the lower halves, and those of
        the upper halves.
        """
        some, total = 128 // bits, self.bits // bits
        lower = [
            part + e + other
            for part in range(0, total, some)
            for e in range(some // 2)
            for other in (0, total)
        ]
        return self.shuffle(a, b, bits, lower), self.shuffle(a, b, bits, [n + some // 2 for n in lower])

    def riffle(self, a: Any, b: Any) -> tuple[Any, Any]:
        """The 128-bit parts of a and b in turn: the first register full of them, and the second."""
        parts = self.bits // 128
        order = [part + other for part in range(parts) for other in (0, parts)]
        words = [4 * part + e for part in order for e in range(4)]
        return self.shuffle(a, b, 32, words[: self.lanes]), self.shuffle(a, b, 32, words[self.lanes :])

    def shuffle(self, a: Any, b: Any, bits: int, order: list[int]) -> Any:
        """Elements of `bits` by their number in a, and after those in b; a register of int32."""
        kind = ir.VectorType(ir.IntType(bits), self.bits // bits)
        a, b = self.builder.bitcast(a, kind), self.builder.bitcast(b, kind)
        chosen = self.builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(I32, kind.count), order))
        return self.builder.bitcast(chosen, self.int32)

    def side_by_side(self, parts: list[Any]) -> Any:
        """One, two or four registers, or masks, as one."""
        while len(parts) > 1:
            order = ir.Constant(
                ir.VectorType(I32, 2 * parts[0].type.count), list(range(2 * parts[0].type.count))
            )
            parts = [
                self.builder.shuffle_vector(*pair, order)
                for pair in zip(parts[::2], parts[1::2], strict=True)
            ]
        return parts[0]

    # ---- arithmetic ----

    def call(self, name: str, result: ir.Type, *arguments: Any) -> Any:
        kind = ir.FunctionType(result, [a.type for a in arguments])
        return self.builder.call(cgutils.get_or_insert_function(self.builder.module, kind, name), arguments)

    def splat(self, scalar: Any) -> Any:
        """The same number in every lane."""
        empty = ir.Constant(ir.VectorType(scalar.type, self.lanes), ir.Undefined)
        first = self.builder.insert_element(empty, scalar, ir.Constant(I32, 0))
        return self.builder.shuffle_vector(first, empty, ir.Constant(self.int32, [0] * self.lanes))

    def constant(self, kind: ir.VectorType, number: float) -> ir.Constant:
        return ir.Constant(kind, [number] * kind.count)

    def clip(self, y: Any, low: Any, high: Any) -> Any:
        """min(max(y, low), high) of float vectors, written so that a NaN stays NaN."""
        return self.at_most(self.builder.select(self.builder.fcmp_ordered("<", y, low), low, y), high)

    def at_most(self, y: Any, high: Any) -> Any:
        """min(y, high) of float vectors; a NaN stays NaN."""
        return self.builder.select(self.builder.fcmp_ordered(">", y, high), high, y)

    def magnitude(self, y: Any) -> Any:
        return self.call(f"llvm.fabs.v{self.lanes}f32", self.float32, y)

    def larger(self, a: Any, b: Any) -> Any:
        return self.builder.select(self.builder.icmp_signed(">", a, b), a, b)

    def smaller(self, a: Any, b: Any) -> Any:
        return self.builder.select(self.builder.icmp_signed("<", a, b), a, b)

    def multiply_add(self, total: Any, a: Any, b: Any) -> Any:
        """total + a*b of float32 vectors, rounded once where the processor has that instruction."""
        if self.isa.has_fma:
            return self.call(f"llvm.fma.v{self.lanes}f32", self.float32, a, b, total)
        return self.builder.fadd(total, self.builder.fmul(a, b))

    def fused_multiply_add(self, total: Any, a: Any, b: Any) -> Any:
        """total + a*b of float32 vectors, rounded once: an instruction, or what LLVM calls in its place."""
        return self.call(f"llvm.fma.v{self.lanes}f32", self.float32, a, b, total)

    def dot(self, total: Any, codes: Any, weights: Any) -> Any:
        """total + the sum of four u8 x s8 products of each lane, nothing lost."""
        if self.isa.dot == "sdot":
            return self._signed_dot(total, codes, weights)
        if self.isa.dot:
            return self._dot_instruction(total, self._bytes(codes), self._bytes(weights))
        codes_even, codes_odd = self._halves(codes, signed=False)
        weights_even, weights_odd = self._halves(weights, signed=True)
        total = self._add_products(total, codes_even, weights_even)
        return self._add_products(total, codes_odd, weights_odd)

    def _dot_instruction(self, total: Any, a: Any, b: Any) -> Any:
        if self.isa.dot == "vpdpbusd":  # of int32 registers until LLVM 21; later ones take that, too
            words = (self.builder.bitcast(x, self.int32) for x in (a, b))
            return self.call(f"llvm.x86.avx512.vpdpbusd.{self.bits}", self.int32, total, *words)
        name = f"llvm.aarch64.neon.{self.isa.dot}.v{self.lanes}i32.v{4 * self.lanes}i8"
        return self.call(name, self.int32, total, a, b)

    def _signed_dot(self, total: Any, codes: Any, weights: Any) -> Any:
        """`dot` of s8 x s8: with its top bit flipped, a code a is the signed number a - 128, and -128 *
        sum(w) is taken off again, which LLVM computes once for all positions of a tile.
        """
        flip, weights = self.constant(self.int8, -128), self._bytes(weights)
        missing = self._dot_instruction(self.constant(self.int32, 0), flip, weights)
        flipped = self.builder.xor(self._bytes(codes), flip)
        return self.builder.sub(self._dot_instruction(total, flipped, weights), missing)

    def pairs(self, codes: Any, weights: Any) -> Any:
        """(2*lanes,) s16: sums of two neighbouring u8 x s8 products, clipped to 16 bits."""
        if self.isa.is_x86:
            names = {
                512: "llvm.x86.avx512.pmaddubs.w.512",
                256: "llvm.x86.avx2.pmadd.ub.sw",
                128: "llvm.x86.ssse3.pmadd.ub.sw.128",
            }
            return self.call(names[self.bits], self.int16, self._bytes(codes), self._bytes(weights))
        codes_even, codes_odd = self._halves(codes, signed=False)
        weights_even, weights_odd = self._halves(weights, signed=True)
        products = self.builder.mul(codes_even, weights_even), self.builder.mul(codes_odd, weights_odd)
        return self.add_clipped(*products)

    def add_pairs(self, total: Any, pairs: Any) -> Any:
        """total + both pair sums of each lane."""
        return self._add_products(total, pairs, self.constant(self.int16, 1))

    def add_clipped(self, a: Any, b: Any) -> Any:
        """a + b of int16, clipped to it."""
        return self.call(f"llvm.sadd.sat.v{a.type.count}i16", a.type, a, b)

    def exact_pairs(self, codes: Any, weights: Any) -> list[Any]:
        """Both pair sums of each lane, (lanes,) s32 each, before any clipping."""

        def byte(value: Any, number: int, *, signed: bool) -> Any:
            up = self.builder.shl(value, self.constant(self.int32, 24 - 8 * number))
            down = self.constant(self.int32, 24)
            return self.builder.ashr(up, down) if signed else self.builder.lshr(up, down)

        products = [
            self.builder.mul(byte(codes, n, signed=False), byte(weights, n, signed=True)) for n in range(4)
        ]
        return [self.builder.add(*products[:2]), self.builder.add(*products[2:])]

    def at_a_limit(self, highest: Any, lowest: Any) -> Any:
        """Is any 16-bit lane of `highest` the largest such number, or of `lowest` the smallest? A bool."""
        top = self.builder.icmp_signed("==", highest, self.constant(self.int16, INT16_MAX))
        bottom = self.builder.icmp_signed("==", lowest, self.constant(self.int16, INT16_MIN))
        mask = self.builder.bitcast(self.builder.or_(top, bottom), ir.IntType(2 * self.lanes))
        return self.builder.icmp_unsigned("!=", mask, ir.Constant(mask.type, 0))

    def any_code_above(self, registers: list[Any], limit: Any) -> Any:
        """Is any byte, unsigned, of any register larger than the limit's in its place? A bool."""
        largest, *others = (self._bytes(register) for register in registers)
        for other in others:
            largest = self.builder.select(self.builder.icmp_unsigned(">", largest, other), largest, other)
        mask = self.builder.icmp_unsigned(">", largest, self._bytes(limit))
        bits = self.builder.bitcast(mask, ir.IntType(4 * self.lanes))
        return self.builder.icmp_unsigned("!=", bits, ir.Constant(bits.type, 0))

    def _bytes(self, value: Any) -> Any:
        return self.builder.bitcast(value, self.int8)

    def _halves(self, value: Any, *, signed: bool) -> tuple[Any, Any]:
        """Even and odd bytes as 16-bit numbers."""
        value, eight = self.builder.bitcast(value, self.int16), self.constant(self.int16, 8)
        if signed:
            return self.builder.ashr(self.builder.shl(value, eight), eight), self.builder.ashr(value, eight)
        return self.builder.and_(value, self.constant(self.int16, 255)), self.builder.lshr(value, eight)

    def _add_products(self, total: Any, a: Any, b: Any) -> Any:
        """total (lanes,) s32 + a0*b0 + a1*b1 of the two 16-bit numbers in each lane."""
        if self.isa.is_x86:
            names = {
                512: "llvm.x86.avx512.pmaddw.d.512",
                256: "llvm.x86.avx2.pmadd.wd",
                128: "llvm.x86.sse2.pmadd.wd",
            }
            return self.builder.add(total, self.call(names[self.bits], self.int32, a, b))
        sixteen = self.constant(self.int32, 16)
        (a, b), ashr = (self.builder.bitcast(v, self.int32) for v in (a, b)), self.builder.ashr
        low = (ashr(self.builder.shl(v, sixteen), sixteen) for v in (a, b))
        high = (ashr(v, sixteen) for v in (a, b))
        return self.builder.add(self.builder.add(total, self.builder.mul(*low)), self.builder.mul(*high))


def _suffix(element: ir.Type) -> str:
    return "f32" if element == F32 else f"i{element.width}"
