"""Weights as int8: int8_weights stores them, saturation_fix keeps pairs from overflowing, measure_saturation
counts.
"""
