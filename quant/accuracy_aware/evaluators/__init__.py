"""How accurate a variant of the model is.

evaluator         measures models on one data set
journal           keeps what was measured, for a run that goes on
metric_identity   text that tells one metric from another, for the journal
"""
