"""Weights as int8.

apply_quantizers     one quantizer made real: a FakeQuantize, or codes of weights
int8_weights         how the codes are stored
saturation_fix       narrower weights where pairs of products could overflow
measure_saturation   counts the pairs that do
"""
