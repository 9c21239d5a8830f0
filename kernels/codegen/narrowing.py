"""From float32 to codes, four registers to one, by the instructions of x86 that clip as they narrow.

They work within 128 bits, so four registers a b c d of 16 lanes come out, in groups of four bytes, as

    a0 b0 c0 d0 | a1 b1 c1 d1 | a2 b2 c2 d2 | a3 b3 c3 d3

and one permutation puts the groups of a register side by side.
"""

from typing import Any

from llvmlite import ir

from .vectors import I16, I32, Vectors


def rounded(v: Vectors, y: Any) -> Any:
    """float32 -> int32, halves to even; the smallest number there is for NaN and for what int32 does not
    hold.
    """
    if v.bits == 512:
        every_lane, as_set = ir.Constant(I16, -1), ir.Constant(I32, 4)  # as the processor is set to round
        return v.call(
            "llvm.x86.avx512.mask.cvtps2dq.512", v.int32, y, v.constant(v.int32, 0), every_lane, as_set
        )
    return v.call({256: "llvm.x86.avx.cvt.ps2dq.256", 128: "llvm.x86.sse2.cvtps2dq"}[v.bits], v.int32, y)


def narrow(v: Vectors, a: Any, b: Any) -> Any:
    """Two registers of int32 -> int16, or of int16 -> u8, clipped: in each 128 bits first the numbers of a,
    then those of b.
    """
    name, kind = ("packssdw", v.int16) if a.type == v.int32 else ("packuswb", v.int8)
    return v.call(
        {512: f"llvm.x86.avx512.{name}.512", 256: f"llvm.x86.avx2.{name}", 128: f"llvm.x86.sse2.{name}.128"}[
            v.bits
        ],
        kind,
        a,
        b,
    )


def regroup(v: Vectors, codes: Any) -> Any:
    """Four registers that were narrowed to one, each in one piece."""
    parts = v.bits // 128
    order = [4 * part + register for register in range(4) for part in range(parts)]
    return v.builder.bitcast(v.shuffle(codes, codes, 32, order), v.int8)


def clip_codes(v: Vectors, codes: Any, first: Any, last: Any) -> Any:
    """min(max(codes, first), last) of u8."""
    codes = v.builder.select(v.builder.icmp_unsigned("<", codes, first), first, codes)
    return v.builder.select(v.builder.icmp_unsigned(">", codes, last), last, codes)


def cut(v: Vectors, codes: Any, begin: int, count: int) -> Any:
    """`count` bytes of a register from `begin` on."""
    order = ir.Constant(ir.VectorType(I32, count), list(range(begin, begin + count)))
    return v.builder.shuffle_vector(codes, codes, order)
