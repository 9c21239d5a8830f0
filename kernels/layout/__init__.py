"""Where things lie in memory: windows, strips of pixels, weights in the order the tiles read them
(docs/kernels.md, "The layout").
"""
