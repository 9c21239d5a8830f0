"""Statistics that kernels take of tensors: min_max_sum, extreme_values (for quantiles), exact_sum (order does
not matter).
"""
