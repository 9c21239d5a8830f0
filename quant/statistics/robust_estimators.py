"""Aggregates over samples that outliers hardly move, computed from a table of values (docs/calibration.md).

    median = Q(r; 1/2)                                                                        (S4)
    no outliers: mean or median of { r_i : Q(r; 0.01) <= r_i <= Q(r; 0.99) }                  (S5)
    Hodges-Lehmann = 1/2 median of { r_i + r_j : i < j }                                      (S6)

r_i are the numbers of n samples, Q is their quantile. values: (m,) float64, ascending and distinct; counts:
(m,) int64, how often each occurred. n = sum of counts.
"""

import numpy as np

from ..defaults import OUTLIER_SHARE


def quantile(values: np.ndarray, counts: np.ndarray, q: float) -> float:
    """The q-quantile of the n numbers, interpolated between the two nearest, as numpy.quantile does by
    default.
    """
    last = np.cumsum(counts)  # the rank behind each value's last occurrence
    position = q * (last[-1] - 1)
    below = int(np.floor(position))
    a, b = (
        values[np.searchsorted(last, min(rank, last[-1] - 1), side="right")] for rank in (below, below + 1)
    )
    return float(a + (b - a) * (position - below))


def median(values: np.ndarray, counts: np.ndarray) -> float:
    """The middle value, interpolated (S4)."""
    return quantile(values, counts, 0.5)


def without_outliers(values: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What lies between the 1 % and the 99 % quantile (S5); all, if nothing does, as between
    two samples.
    """
    low, high = (quantile(values, counts, q) for q in (OUTLIER_SHARE, 1 - OUTLIER_SHARE))
    inside = (values >= low) & (values <= high)
    return (values[inside], counts[inside]) if inside.any() else (values, counts)


def mean_no_outliers(values: np.ndarray, counts: np.ndarray) -> float:
    values, counts = without_outliers(values, counts)
    return float(np.dot(values, counts) / counts.sum())


def median_no_outliers(values: np.ndarray, counts: np.ndarray) -> float:
    return median(*without_outliers(values, counts))


def hodges_lehmann(values: np.ndarray, counts: np.ndarray) -> float:
    """Half the median of the sums of all pairs of different samples (S6); of one sample, the sample
    itself.
    """
    if counts.sum() == 1:
        return float(values[0])
    first, second = np.triu_indices(len(values))
    sums = values[first] + values[second]
    pairs = np.where(
        first == second, counts[first] * (counts[first] - 1) // 2, counts[first] * counts[second]
    )
    order = np.argsort(sums)
    occurring = order[pairs[order] > 0]
    return median(sums[occurring], pairs[occurring]) / 2
