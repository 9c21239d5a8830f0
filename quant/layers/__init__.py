"""What is known of a model's layers: which carry weights, which a device quantizes, and how a part of a graph
is cut out.
"""
