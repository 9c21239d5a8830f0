"""Where things lie in memory (docs/kernels.md, "The layout").

window           how a window slides over an image
strips           a few lines of output, and a bordered copy of the input they see
output_layout    where the results of a layer lie in its output
weight_packing   weights in the order the tiles read them
"""
