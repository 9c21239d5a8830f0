"""How Python becomes machine code: the instruction set, vectors of LLVM, compiled functions and where they
are kept.

isa             which instructions this processor has       jit           the decorator of all kernels, and their cache
vectors         registers as numba values                   kept_files    files that are verified before they are used
narrowing       saturating packs: 32 -> 16 -> 8 bits        work_sharing  how threads claim units of work
pointers        arrays as addresses, and back
"""
