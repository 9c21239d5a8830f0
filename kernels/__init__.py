"""Fast arithmetic on plain arrays: it knows no graph, and imports nothing heavy until a kernel is used.

Definitions      reference    int8 GEMM, convolution, requantization: docs/arithmetic.md in NumPy
                 saturation   which weights can never clip, and where a run counts those that do
Two doors        direct       one kernel on plain arrays
                 program/     a model as one compiled program of steps
Kernels          layers/      a kind of layer a file        statistics/ minima, maxima, sums of a tensor
What they share  layout/      where things lie in memory    tiles/      what is computed in registers
                 codegen/     how Python becomes machine code           (docs/kernels.md)
Small            errors       what is refused
"""
