"""Fast arithmetic on plain arrays: GEMM, convolution, saturation."""
