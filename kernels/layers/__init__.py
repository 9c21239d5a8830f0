"""One kind of layer a file, on plain arrays.

convolution, depthwise, transposed_convolution   loops over tiles
im2col                                           a convolution's windows as the lines of a matrix
pooling, resize                                  windows that are reduced; images of another size
elementwise, products, quantize                  between layers: sums, gates, from floats to codes
transpose                                        channels to the last axis, and back
"""
