"""Ranges found as a whole, from histograms of all values of all samples: beyond POT (docs/calibration.md).

    percentile: low = Q(all x; p),  high = Q(all x; 1 - p),  p = outlier_prob                   (S8)

    E(a, b) = sum of (x - clip(x, a, b))^2 + sum over |x| < d/2 of x^2
              + d^2/12 * #{ x : |x| >= d/2, a <= x <= b }                                       (S9)

    sum over c of g_c E_c(a, b)                                                               (S10)

Q is the quantile, E the squared error of the range [a, b] with L levels, steps of d = (b - a) / (L - 1), #{}
the number of values, and g_c what an error in channel c costs (channel_importance.py). Of a list of
candidates the range with the least (S9), or (S10), is taken.
"""

from dataclasses import dataclass

import numpy as np

from ..defaults import SEARCH_STEPS
from ..statistics.histogram import Histogram
from .schemes import Scheme

Ends = tuple[np.ndarray, np.ndarray]  # low <= 0 <= high, float64


def percentile_range(histogram: Histogram, below: float, above: float) -> Ends:
    """For each channel, the range that leaves out these shares of all values, zeros included, at its ends
    (S8). Returns (C,), (C,).
    """
    edges = np.arange(-histogram.half, histogram.half + 1)
    ends = []
    for counts, zeros, width in zip(histogram.counts, histogram.zeros, histogram.width, strict=True):
        total = counts.sum() + zeros
        low = np.interp(below * total, np.concatenate([[0], np.cumsum(counts)]), edges)
        high = np.interp(above * total, np.concatenate([[0], np.cumsum(counts[::-1])]), edges[::-1])
        ends.append((min(low * width, 0.0), max(high * width, 0.0)))
    low_ends, high_ends = np.array(ends).T
    return low_ends, high_ends


@dataclass(frozen=True)
class Side:
    """What happens to the values on one side of zero when the range ends at an edge: for C channels and E
    edges, (C, E) float64 each.

    clipped: sum of the squared distances from the edge, of what lies beyond. beyond: how many do. energy: sum
    of the squares of the others.
    """

    clipped: np.ndarray
    beyond: np.ndarray
    energy: np.ndarray

    @classmethod
    def of(cls, counts: np.ndarray, width: np.ndarray, edges: np.ndarray) -> "Side":
        """counts: (C, B), the innermost bin first; values lie evenly in their bins. width: (C,). edges: (E,)
        or (C, E), from zero.
        """
        w = width[:, None]
        bins = np.arange(counts.shape[1])
        moments = (counts, counts * (bins + 0.5) * w, counts * ((bins + 0.5) ** 2 + 1 / 12) * w**2)
        # sums from each bin on
        outwards = [np.pad(np.cumsum(m[:, ::-1], axis=1)[:, ::-1], ((0, 0), (0, 1))) for m in moments]
        position = np.minimum(edges / w, len(bins))
        cut = np.minimum(position.astype(int), len(bins) - 1)  # the bin that the edge divides
        share = cut + 1 - position  # of it, beyond the edge
        divided = np.take_along_axis(counts, cut, axis=1) * share
        n, first, second = (np.take_along_axis(m, cut + 1, axis=1) for m in outwards)
        return cls(
            clipped=second - 2 * edges * first + edges**2 * n + divided * (share * w) ** 2 / 3,
            beyond=n + divided,
            energy=outwards[2][:, :1]
            - second
            - divided * (edges**2 + edges * share * w + (share * w) ** 2 / 3),
        )


def noise(histogram: Histogram, low: np.ndarray, high: np.ndarray, levels: int) -> np.ndarray:
    """The sum of squared errors that each of K ranges gives each channel (S9). low, high: (C, K), or (1,
    K). Returns (C, K).
    """
    below, above = _below(histogram, np.maximum(-low, 0)), _above(histogram, np.maximum(high, 0))
    step = (high - low) / (levels - 1)
    return (
        below.clipped
        + above.clipped
        + _rounding(histogram, step)
        - (below.beyond + above.beyond) * step**2 / 12
    )


def _below(histogram: Histogram, edges: np.ndarray) -> Side:
    return Side.of(histogram.counts[:, histogram.half - 1 :: -1], histogram.width, edges)


def _above(histogram: Histogram, edges: np.ndarray) -> Side:
    return Side.of(histogram.counts[:, histogram.half :], histogram.width, edges)


def _rounding(histogram: Histogram, step: np.ndarray) -> np.ndarray:
    """The error of rounding all values, as if none were clipped: what is less than half a step from zero
    becomes zero, and of the others each costs step^2 / 12. step: (K,) or (C, K)."""
    below, above = _below(histogram, step / 2), _above(histogram, step / 2)
    return below.energy + above.energy + (below.beyond + above.beyond) * step**2 / 12


def least_noise_range(
    histogram: Histogram, importance: np.ndarray, scheme: Scheme, low: float, high: float, *, signed: bool
) -> tuple[float, float]:
    """One range for all channels of a histogram, with the least sum of errors, each weighted with its
    channel's importance (S10).

    importance: (C,). low, high: the extremes seen, of which both ends are some share, in SEARCH_STEPS steps.
    signed: whether a symmetric range ends as far below zero as above.
    """
    low, high = min(low, 0.0), max(high, 0.0)
    shares = np.arange(1, SEARCH_STEPS + 1) / SEARCH_STEPS
    if scheme.symmetric:
        edges = max(high, -low) * shares
        lows = edges * (scheme.levels / (scheme.levels - 2)) if signed else np.zeros(1)
        error = importance @ noise(histogram, -lows, edges, scheme.levels)
        best = float(edges[np.argmin(error)])
        return (-best if signed else 0.0), best
    lows = -low * shares if low < 0 else np.zeros(1)
    highs = high * shares if high > 0 else np.zeros(1)
    below, above = _below(histogram, lows), _above(histogram, highs)
    step = (lows[:, None] + highs) / (scheme.levels - 1)  # (lows, highs)
    steps = np.linspace(step.min(), step.max(), 2 * SEARCH_STEPS)
    rounding = np.interp(step, steps, importance @ _rounding(histogram, steps))
    beyond = (importance @ below.beyond)[:, None] + importance @ above.beyond
    error = (
        (importance @ below.clipped)[:, None] + importance @ above.clipped + rounding - beyond * step**2 / 12
    )
    i, j = np.unravel_index(np.argmin(error), error.shape)
    return -float(lows[i]), float(highs[j])
