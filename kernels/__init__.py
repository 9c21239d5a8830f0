"""Fast arithmetic on plain arrays: it knows no graph, and imports nothing heavy until a kernel is used.

Definitions      reference    int8 GEMM, convolution, requantization: docs/arithmetic.md in NumPy
                 saturation   which weights can never clip, and where a run counts those that do
Kernels          gemm  convolution  depthwise  float32  transposed  pooling  resize
What they share  dense  strips  lattice  packing  window  epilogue  jit
Their tiles      microkernel  microkernel_depthwise  vectors  isa             (docs/kernels.md)
"""
