"""What is known of a model's layers.

weighted_layers    which carry weights, and where their biases stand
device_operators   which a device computes on integers (POT's table)
subgraph           a part of a graph as a graph of its own
free_batch         a model with a fixed batch, made free
"""
