"""What calibration remembers of activations. Read statistic, collector and collection first.

statistic, collector              one number a sample, aggregated over all; what can be done with all of it
collection                        samples in batches, through the model, into collectors
reductions                        what is taken of one sample
aggregates, robust_estimators     how samples are combined; so that outliers hardly matter
sample_sketch, histogram          what is kept of many values
exact_sum                         sums that are the same in any order
cache                             statistics on disk
"""
