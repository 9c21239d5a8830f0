"""The range of each output channel of constant weights: no samples are needed (docs/calibration.md).

The functions that bound a sample's range (bounds.py) bound that of weights. With `mse`, a share of it is
taken:

    share = that of 0.3 .. 1 with the least  sum of (w - round_to_codes(w; share * low, share * high))^2
"""

import numpy as np

from ..defaults import WEIGHT_SEARCH
from ..settings.range_options import RangeEstimation
from ..statistics.reductions import Observed
from .activation_ranges import ends
from .bounds import Bounds, asymmetric_range, symmetric_weight_range
from .schemes import Scheme


def weight_bounds(weights: np.ndarray, axis: int, scheme: Scheme, estimation: RangeEstimation) -> Bounds:
    """weights: float32, output channels along `axis`. Returns (low, high), broadcastable against them, before
    `clipping_value`.
    """
    rows = np.moveaxis(weights, axis, 0).reshape(weights.shape[axis], -1)
    if not scheme.per_channel:
        rows = rows.reshape(1, -1)
    low, high = _searched(rows, scheme) if estimation.preset == "mse" else _measured(rows, scheme, estimation)
    shape = [1] * weights.ndim
    shape[axis] = len(rows)
    return low.reshape(shape), high.reshape(shape)


def _measured(rows: np.ndarray, scheme: Scheme, estimation: RangeEstimation) -> Bounds:
    """Measure weights by the same functions as a sample. `percentile` is the quantile, because there is only
    one set of values. `layer_noise` and `auto` apply to activations, and leave weights their whole range.
    """
    if estimation.preset == "percentile":
        estimation = RangeEstimation("quantile", estimation.min, estimation.max)
    observed = Observed(rows)
    low, high = (observed.reduce(e.reduction, None, e.quantile)[:, 0] for e in ends(scheme, estimation))
    return symmetric_weight_range(high) if scheme.symmetric else asymmetric_range(low, high, scheme.levels)


def _searched(rows: np.ndarray, scheme: Scheme) -> Bounds:
    """Return, for each channel, the range with the least squared error among fractions of its whole
    range.
    """
    low, high = _measured(rows, scheme, RangeEstimation())
    best = np.ones((len(rows), 1), np.float32)
    least = np.full((len(rows), 1), np.inf)
    for share in np.linspace(*WEIGHT_SEARCH, dtype=np.float32):
        error = np.square(
            rows - _rounded(rows, share * low[:, None], share * high[:, None], scheme.levels)
        ).sum(axis=1, keepdims=True)
        best = np.where(error < least, share, best)
        least = np.minimum(error, least)
    return low * best[:, 0], high * best[:, 0]


def _rounded(x: np.ndarray, low: np.ndarray, high: np.ndarray, levels: int) -> np.ndarray:
    step = (high - low) / (levels - 1)
    return np.floor((np.clip(x, low, high) - low) / step + 0.5) * step + low
