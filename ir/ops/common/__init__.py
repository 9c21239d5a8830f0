"""What operators share: operator (the base class and the registry), windows, axes, broadcasting,
quantization, recurrent cells.
"""
