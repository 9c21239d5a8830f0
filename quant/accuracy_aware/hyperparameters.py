"""tune_hyperparams: other range estimators and the other bias correction, tried before any layer goes back to
float (POT 2023.3; docs/accuracy-aware.md).

    error = -mean over metrics of s (m - m0) / (m0 + 1e-8)       (A4)

m is a metric of the candidate, on the samples that rounding hurts most, m0 that of the first candidate, and s
is 1 if high is good and -1 if low is. The lowest error wins, the first of equal ones.

Two spaces are searched, one after the other; the best of the first is where the second starts.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import product
from typing import Final

import numpy as np

from ..parameters import Parameters
from ..settings.range_options import RangeEnd, RangeEstimation

SMALL: Final = 1e-8
_WEIGHTS: Final = RangeEstimation(min=RangeEnd(type="min"), max=RangeEnd(type="max"))
_QUANTILES: Final = tuple(RangeEnd(type="quantile", outlier_prob=p, aggregator="mean") for p in (1e-3, 1e-4))
_LOW: Final = (RangeEnd(type="min", aggregator="min"), *_QUANTILES)
_HIGH: Final = (RangeEnd(type="max", aggregator="max"), *_QUANTILES)

Measured = Callable[[Parameters], Mapping[str, float]]  # parameters -> the value of each metric


def tuned(settings: Parameters, measured: Measured, higher_better: Mapping[str, bool]) -> Parameters:
    """The best parameters of both spaces; those given if none is better."""
    for space in (_ranges, _biases):
        settings = _best([settings, *space(settings)], measured, higher_better)
    return settings


def _ranges(settings: Parameters) -> Iterator[Parameters]:
    """Nine estimators of activations: each low end with each high end."""
    weights = replace(settings.weights, range_estimator=_WEIGHTS)
    for low, high in product(_LOW, _HIGH):
        activations = replace(settings.activations, range_estimator=RangeEstimation(min=low, max=high))
        yield replace(settings, weights=weights, activations=activations)


def _biases(settings: Parameters) -> Iterator[Parameters]:
    yield replace(settings, use_fast_bias=not settings.use_fast_bias)


def _best(candidates: list[Parameters], measured: Measured, higher_better: Mapping[str, bool]) -> Parameters:
    first = measured(candidates[0])
    errors = [0.0]
    for candidate in candidates[1:]:
        values = measured(candidate)
        gains = [(1 if higher_better[n] else -1) * (values[n] - first[n]) / (first[n] + SMALL) for n in first]
        errors.append(-float(np.mean(gains)))
    return candidates[int(np.argmin(errors))]
