"""Which vector instructions the kernels are made of: chosen once, when the first kernel is imported.

`NUMPOT_ISA=avx2` (any name below that this processor can run) asks for another set than the best. All give the same integers.
"""

import ctypes
import os
import platform
from dataclasses import dataclass

from llvmlite import binding


@dataclass(frozen=True)
class Isa:
    """One set of instructions, and the register tile that fits it (docs/kernels.md, "The tile")."""

    name: str
    lanes: int  # int32 or float32 elements of a vector register
    rows: int  # of a tile: output positions
    vectors: int  # of a tile: registers side by side, `lanes` output channels each
    needs: tuple[frozenset[str], ...]  # alternatives, each a set of processor features
    dot: str | None = None  # the instruction that adds four products of bytes to an int32, nothing lost
    is_x86: bool = True
    has_fma: bool = True  # a product and a sum of float32, rounded once
    has_matrix_unit: bool = False  # registers of 16 x 64 bytes, and the product of two of them (microkernel_matrix.py)

    @property
    def has_dot(self) -> bool:
        return self.dot is not None


# A tile keeps rows*vectors sums, one row of weights and, because LLVM loads them early, `rows` broadcast inputs in registers:
# rows*vectors + rows + vectors must not pass 32 (AVX-512, AArch64) or 16 (the others).
_VNNI = frozenset({"avx512vnni", "avx512bw", "avx512vl"})
_INSTRUCTION_SETS = (
    Isa("amx", 16, 10, 2, (_VNNI | {"amx-tile", "amx-int8"},), dot="vpdpbusd", has_matrix_unit=True),
    Isa("avx512vnni", 16, 10, 2, (_VNNI,), dot="vpdpbusd"),
    Isa("avxvnni", 8, 4, 2, (frozenset({"avxvnni"}), frozenset({"avx512vnni", "avx512vl"})), dot="vpdpbusd"),
    Isa("avx512bw", 16, 8, 2, (frozenset({"avx512bw", "avx512vl"}),)),
    Isa("avx2", 8, 4, 2, (frozenset({"avx2", "fma"}),)),
    Isa("armi8mm", 4, 8, 2, (frozenset({"i8mm"}),), dot="usdot", is_x86=False),
    Isa("armdot", 4, 8, 2, (frozenset({"dotprod"}),), dot="sdot", is_x86=False),
    Isa("portable", 4, 4, 2, (frozenset(),), is_x86=False, has_fma=False),
)


def available() -> dict[str, Isa]:
    """The instruction sets this processor can run, best first, by name."""
    features = binding.get_host_cpu_features()
    has = {name for name, present in features.items() if present}
    usable = (isa for isa in _INSTRUCTION_SETS if any(needed <= has for needed in isa.needs))
    return {isa.name: isa for isa in usable if not isa.has_matrix_unit or _may_use_tile_registers()}


def _may_use_tile_registers() -> bool:
    """Linux gives them to a process that asks, for all its threads (arch/x86/xstate of its documentation); other systems are not asked."""
    ARCH_PRCTL, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA = 158, 0x1023, 18
    return platform.system() == "Linux" and ctypes.CDLL(None).syscall(ARCH_PRCTL, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0


def choose(wanted: str | None) -> Isa:
    """The best set, or the wanted one. Raises ValueError for one that this processor does not have."""
    usable = available()
    if not wanted:
        return next(iter(usable.values()))
    if wanted not in usable:
        raise ValueError(f"NUMPOT_ISA: expected one of {', '.join(usable)}, which this processor can run, found {wanted!r}")
    return usable[wanted]


ISA = choose(os.environ.get("NUMPOT_ISA"))
