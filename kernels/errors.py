"""What the kernels refuse before they are compiled."""


class ProcessorError(ValueError):
    """NUMPOT_ISA or NUMBA_CPU_FEATURES asks for what this processor does not have, or for what no processor
    has.
    """
