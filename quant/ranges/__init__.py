"""From statistics to the bounds of a FakeQuantize: bounds, activation_ranges, weight_ranges, and the schemes
of presets.
"""
