"""From a layer of the graph to steps of the program. Read builder first, then float_layers.

builder                  what every builder is given and gives; pooling and reshaping
fusion, tensor_slots     which operators one kernel computes together; where tensors lie
packed_weights           weights in the order of the tiles, packed once
float_layers             Convolution and MatMul in float32
integer_layers           the same on codes
integer_epilogue         what a kernel does to integer sums, down to the next layer's codes
transposed_convolution   ConvolutionBackpropData, on floats and codes
elementwise              codes and back, sums, means, concatenation
products, resize         Multiply and hard sigmoids; Interpolate
"""
