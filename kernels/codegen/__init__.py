"""How Python becomes machine code: the instruction set, vectors of LLVM, compiled functions and where they
are kept.

isa             which instructions this processor has
vectors         registers as numba values
narrowing       saturating packs: 32 -> 16 -> 8 bits
jit             the decorator of all kernels, and their cache
kept_files      files that are verified before they are used
work_sharing    how threads claim units of work
temporary_files files while they are written, and those that a killed process left behind
pointers        arrays as addresses, and back
"""
