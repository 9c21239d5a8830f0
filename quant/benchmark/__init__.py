"""How fast a model runs, beside the vendors' runtimes.

benchmark   measures, by turns
peers       opens each runtime the fastest way it documents
"""
