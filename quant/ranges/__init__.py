"""From statistics to the bounds of a FakeQuantize.

bounds                    the equations
schemes, parameters       bits, mode and granularity of a quantizer; what a user can ask for
activation_ranges         which statistics are needed, and the ranges made of them
activation_bounds         the bounds of all activations, as the stage of quantize makes them
weight_ranges             the ranges of constant weights
histogram_search          ranges found as a whole, beyond POT
channel_importance        what an error in a channel costs the layers that read it
"""
