"""What calibration remembers of activations: statistic, collector and collection first; then reductions,
aggregates and the cache.
"""
