"""Ranges found as a whole, from a histogram of all values of all samples: beyond POT (eq. S8 and S9 in docs/calibration.md)."""

import numpy as np

from .defaults import SEARCH_STEPS
from .histogram import Histogram
from .schemes import Scheme

Ends = tuple[np.ndarray, np.ndarray]  # (C,) float64 each, low <= 0 <= high


def percentile_range(histogram: Histogram, outlier_prob: float) -> Ends:
    """The range that leaves out a share of outlier_prob of all values, zeros included, at either end (eq. S8)."""
    ends = [_percentiles(histogram, channel, outlier_prob) for channel in range(len(histogram.zeros))]
    low, high = np.array(ends).T
    return np.minimum(low, 0), np.maximum(high, 0)


def _percentiles(histogram: Histogram, channel: int, share: float) -> tuple[float, float]:
    counts = histogram.counts[channel].astype(np.float64)
    total = counts.sum() + histogram.zeros[channel]
    edges = np.arange(-histogram.half, histogram.half + 1) * histogram.width[channel]
    below, above = np.cumsum(counts), np.cumsum(counts[::-1])
    return (
        float(np.interp(share * total, np.concatenate([[0], below]), edges)),
        float(np.interp(share * total, np.concatenate([[0], above]), edges[::-1])),
    )


def least_error_range(histogram: Histogram, scheme: Scheme) -> Ends:
    """The range with the least mean squared error of quantization (eq. S9).

    Candidates for each end are bin edges, SEARCH_STEPS at most. A symmetric range that holds negative values is searched along high = -low.
    """
    signed = scheme.signed or bool(histogram.counts[:, : histogram.half].any())
    ends = [_least_error(histogram, channel, scheme, signed) for channel in range(len(histogram.zeros))]
    low, high = np.array(ends).T
    return low, high


def _least_error(histogram: Histogram, channel: int, scheme: Scheme, signed: bool) -> tuple[float, float]:
    counts, width, half = histogram.counts[channel].astype(np.float64), histogram.width[channel], histogram.half
    if not counts.any():
        return 0.0, 0.0
    high, above, cut_above = _clipping_error(counts[half:], width)
    low, below, cut_below = _clipping_error(counts[half - 1 :: -1], width)
    total = counts.sum()
    if scheme.symmetric and signed:
        edge = np.union1d(high, low)
        error = sum(np.interp(edge, *pair) for pair in ((high, above), (low, below)))
        cut = sum(np.interp(edge, *pair) for pair in ((high, cut_above), (low, cut_below)))
        step = 2 * edge / (scheme.levels - 2)
        best = edge[np.argmin(error + (total - cut) * step**2 / 12)]
        return -float(best), float(best)
    if scheme.symmetric:
        low, below, cut_below = np.zeros(1), np.zeros(1), np.zeros(1)
    step = (low[:, None] + high) / (scheme.levels - 1)
    error = below[:, None] + above + (total - cut_below[:, None] - cut_above) * step**2 / 12
    i, j = np.unravel_index(np.argmin(error), error.shape)
    return -float(low[i]), float(high[j])


def _clipping_error(counts: np.ndarray, width: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For ends on bin edges, from zero outwards: (edge, sum of squared distances of what lies beyond, how many lie beyond).

    counts: (B,), of the bins on one side of zero, the innermost first. Values lie evenly within their bin.
    """
    last = int(np.max(np.flatnonzero(counts), initial=-1)) + 1
    centres = (np.arange(last) + 0.5) * width
    inside = counts[:last]
    moments = [inside, inside * centres, inside * (centres**2 + width**2 / 12)]
    n, first, second = (np.concatenate([np.cumsum(m[::-1])[::-1], [0.0]]) for m in moments)  # of what lies beyond each edge
    chosen = np.unique(np.linspace(0, last, min(last, SEARCH_STEPS) + 1).round().astype(int))
    edges = np.arange(last + 1) * width
    error = second - 2 * edges * first + edges**2 * n
    return edges[chosen], error[chosen], n[chosen]
