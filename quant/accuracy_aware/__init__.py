"""Quantizes as many layers as an accuracy bound allows (docs/accuracy-aware.md). Read algorithm, then run.

algorithm, run            the front door, which checks what is given; the stages, one after the other
parameters, goal          what the search can be told; how far a model may fall behind
layer_groups, costs       which quantizers leave a model together; what that costs
ranking                   which group goes back to float first
search, search_pot        the search for the fastest model; the search exactly as POT does it
hyperparameters           other settings, tried before any layer goes back
measurements, evaluators/ every model that is looked at; how it is measured
report                    what a run did
"""
