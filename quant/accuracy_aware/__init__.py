"""Quantize as many layers as an accuracy bound allows: algorithm first, then run, ranking, search,
measurements and report.
"""
