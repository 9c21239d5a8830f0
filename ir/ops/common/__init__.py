"""What operators share. Read operator first.

operator                               the base class, and the table of all operators
axes, broadcasting                     axes that come in as numbers; NumPy's rule for shapes
windows                                what convolutions and pools share
indices, scatter                       positions that come in as an input; writing at them
functions, reductions, comparison      functions of several operators; what families share
quantization, integer_arithmetic       between real numbers and codes; sums of products of codes
recurrent_cells                        LSTM, GRU and RNN along a sequence
"""
