"""One kind of layer a file, on plain arrays: loops over tiles, and what elementwise, pooling and resizing
layers compute.
"""
