"""Which vector instructions the kernels are made of: chosen once, when the first kernel is imported.

`NUMPOT_ISA=avx2` (any name below that this processor can run) asks for another set than the best. All give
the same integers. What the processor has is what numba compiles for: `NUMBA_CPU_NAME` and
`NUMBA_CPU_FEATURES` can say another one.
"""

import ctypes
import os
import platform
from dataclasses import dataclass
from typing import Any, Final

import numba
from llvmlite import binding
from numba.core import codegen

from ..errors import ProcessorError

config: Any = numba.config  # set at import, unknown to type checkers


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
    has_amx: bool = False  # registers of 16 x 64 bytes, and the product of two of them (amx_tile.py)

    @property
    def has_dot(self) -> bool:
        return self.dot is not None


# A tile keeps rows*vectors sums, one row of weights and, because LLVM loads them early, `rows` broadcast
# inputs in registers: rows*vectors + rows + vectors must not pass 32 (AVX-512, AArch64) or 16 (the others).
_VNNI = frozenset({"avx512vnni", "avx512bw", "avx512vl"})
_INSTRUCTION_SETS = (
    Isa("amx", 16, 10, 2, (_VNNI | {"amx-tile", "amx-int8"},), dot="vpdpbusd", has_amx=True),
    Isa("avx512vnni", 16, 10, 2, (_VNNI,), dot="vpdpbusd"),
    Isa("avxvnni", 8, 4, 2, (frozenset({"avxvnni"}), frozenset({"avx512vnni", "avx512vl"})), dot="vpdpbusd"),
    Isa("avx512bw", 16, 8, 2, (frozenset({"avx512bw", "avx512vl"}),)),
    Isa("avx2", 8, 4, 2, (frozenset({"avx2", "fma"}),)),
    Isa("armi8mm", 4, 8, 2, (frozenset({"i8mm"}),), dot="usdot", is_x86=False),
    Isa("armdot", 4, 8, 2, (frozenset({"dotprod"}),), dot="sdot", is_x86=False),
    Isa("portable", 4, 4, 2, (frozenset(),), is_x86=False, has_fma=False),
)


def available() -> dict[str, Isa]:
    """The instruction sets this processor can run, best first, by name.

    Raises ProcessorError for features that are none, or not its own.
    """
    has = features()
    usable = (isa for isa in _INSTRUCTION_SETS if any(needed <= has for needed in isa.needs))
    return {isa.name: isa for isa in usable if not isa.has_amx or _may_use_tile_registers()}


def features() -> set[str]:
    """What numba tells LLVM to use: features of this processor, or those that NUMBA_CPU_NAME and
    NUMBA_CPU_FEATURES name.
    """
    listed, triple = config.CPU_FEATURES, binding.get_process_triple()
    if listed is None:
        listed = codegen.get_host_cpu_features()
    else:
        _check(listed)
    if is_aarch64(triple):
        return dot_products(triple, config.CPU_NAME or binding.get_host_cpu_name(), listed)
    has: set[str] = set()
    for feature in filter(None, listed.split(",")):  # the last word on a feature counts
        (has.add if feature[0] == "+" else has.discard)(feature[1:])
    return has & _known().keys()


def _check(listed: str) -> None:
    """LLVM takes a name without a sign for one to leave out, and the first instruction that a processor lacks
    ends the process.
    """
    names = list(filter(None, listed.split(",")))
    if unsigned := [name for name in names if name[0] not in "+-"]:
        raise ProcessorError(
            "NUMBA_CPU_FEATURES: expected names that begin with + or -, as in '+avx2,+fma', found "
            f"{unsigned[0]!r}"
        )
    known = _known()
    if foreign := [name[1:] for name in names if name[0] == "+" and not known.get(name[1:], True)]:
        raise ProcessorError(
            f"NUMBA_CPU_FEATURES: expected features of this processor, found {', '.join(foreign)}, "
            "which it does not have"
        )


def _known() -> dict[str, bool]:
    """The features that LLVM knows of, and whether this processor has them: all of x86; on AArch64 a few of
    those that it has.
    """
    try:
        return binding.get_host_cpu_features()
    except RuntimeError:  # LLVM cannot tell on this system
        return {}


def is_aarch64(triple: str) -> bool:
    return triple.startswith(("aarch64", "arm64"))


# A sum of products of bytes, which LLVM makes of the one instruction where it may.
_SUM_OF_PRODUCTS: Final = """
define i32 @sum(<16 x i8> %a, <16 x i8> %b) {{
  %x = zext <16 x i8> %a to <16 x i32>
  %y = {extend} <16 x i8> %b to <16 x i32>
  %products = mul <16 x i32> %x, %y
  %sum = call i32 @llvm.vector.reduce.add.v16i32(<16 x i32> %products)
  ret i32 %sum
}}
declare i32 @llvm.vector.reduce.add.v16i32(<16 x i32>)
"""


def dot_products(triple: str, cpu: str, listed: str) -> set[str]:
    """Which features with a dot product of bytes LLVM uses for an AArch64 processor, by what it compiles: on
    Linux its list of the processor's features (LLVM 22) has none of them, and yet it knows them by the
    processor's name.
    """
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    machine = binding.Target.from_triple(triple).create_target_machine(cpu=cpu, features=listed, opt=2)

    def compiled(extend: str) -> str:
        module = binding.parse_assembly(_SUM_OF_PRODUCTS.format(extend=extend))
        module.triple = triple
        return machine.emit_assembly(module)

    instructions = {"dotprod": ("udot", compiled("zext")), "i8mm": ("usdot", compiled("sext"))}
    return {feature for feature, (instruction, code) in instructions.items() if f"\t{instruction}" in code}


def _may_use_tile_registers() -> bool:
    """Linux gives them to a process that asks, for all its threads (arch/x86/xstate of its documentation);
    other systems are not asked.
    """
    ARCH_PRCTL, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA = 158, 0x1023, 18
    return (
        platform.system() == "Linux"
        and ctypes.CDLL(None).syscall(ARCH_PRCTL, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0
    )


def choose(wanted: str | None) -> Isa:
    """The best set, or the wanted one. Raises ProcessorError for one that this processor does not have."""
    usable = available()
    if not wanted:
        return next(iter(usable.values()))
    if wanted not in usable:
        given = config.CPU_FEATURES
        processor = "this processor" if given is None else f"a processor with NUMBA_CPU_FEATURES={given!r}"
        needs = [
            f", which needs {','.join(sorted(isa.needs[0]))}"
            for isa in _INSTRUCTION_SETS
            if isa.name == wanted
        ]
        raise ProcessorError(
            f"NUMPOT_ISA: expected one of {', '.join(usable)}, which {processor} can run, found "
            f"{wanted!r}{''.join(needs)}"
        )
    return usable[wanted]


ISA = choose(os.environ.get("NUMPOT_ISA"))
