"""Makes a graph simpler without changing a result. passes lists them in order:

constants          what does not depend on the input, and what does nothing
patterns           functions that an exporter wrote out in elementary layers
fold_into_layers   what a layer can compute in its weights and bias
edits              the question and the edit that they share
"""
