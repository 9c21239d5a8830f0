"""From FakeQuantize to integers (docs/arithmetic.md): lower does it, pass by pass.

arithmetics           the names of the arithmetics
code_ranges           what a FakeQuantize says about its codes
integer_layers        Convolution and MatMul of codes, and the floats made of their sums
requantize            from the sums to the next layer's codes
residual_add          an Add that the convolution above it computes
arithmetic_on_codes   other operators that read codes
pairs                 which products clip together, where they are summed in 16 bits
left_in_float         why a layer stays in float
"""
