"""What is computed in registers at once: a tile of sums, and the epilogue that turns sums into codes or
floats.

dense_tile (GEMM and convolution), depthwise_tile, amx_tile; epilogue (what it is), epilogue_codegen (how it
is written).
"""
