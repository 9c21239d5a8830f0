"""Bias correction, as POT names the two kinds: stage chooses one of them.

fast_bias_correction looks at each layer by itself, bias_correction at one layer after the other.
"""
