"""Add float32 numbers without rounding: a Kulisch accumulator, one integer as wide as all of float32's range.

It is kept in limbs, words of 32 bits in int64, least significant first, with room above for carries
(quant/statistics/exact_sum.py, which rounds the sum once).
"""

from ..codegen.jit import kernel
from ..reference import Array


@kernel
def add_to_exact_sum(bits: Array, limbs: Array) -> None:
    """bits: (n,C) u32, of finite float32 numbers; limbs: (L,C) s64, 32 bits of 2^-149 each, with room for n
    numbers of 55 bits.
    """
    for n in range(len(bits)):
        for c in range(bits.shape[1]):
            b = int(bits[n, c])
            exponent, mantissa = (b >> 23) & 0xFF, b & 0x7FFFFF
            if exponent > 0:
                mantissa |= 1 << 23
                exponent -= 1
            term = mantissa << (exponent & 31)
            limbs[exponent >> 5, c] += -term if b >> 31 else term
