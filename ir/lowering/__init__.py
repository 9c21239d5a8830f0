"""From FakeQuantize to integers: lower does it, pass by pass; the rules of each kind of layer are in the
other files (docs/arithmetic.md).

code_ranges, integer_layers, requantize, residual_add, arithmetic_on_codes, pairs.
"""
