"""Metrics that compare a model's outputs with those of a reference model and need no labels: agreement, SQNR
and cosine.
"""

import math

import numpy as np

from .classification import Share, class_scores, has_nan
from .metric import Metric, Outputs


class Agreement(Share):
    """Compute the share of samples for which the model and the reference give the same class the largest
    score; NaN agrees with nothing.
    """

    name = "agreement"
    needs_labels = False
    needs_reference = True

    def is_right(self, outputs: Outputs, labels: Outputs) -> np.ndarray:
        ours, theirs = class_scores(self.name, outputs), class_scores(self.name, labels)
        return (ours.argmax(axis=1) == theirs.argmax(axis=1)) & ~has_nan(ours) & ~has_nan(theirs)


class Sqnr(Metric):
    """Compute the signal-to-quantization-noise ratio in decibels: 10 log10(sum r^2 / sum (r - y)^2) over all
    outputs y and those of the reference r.
    """

    name = "sqnr"
    needs_labels = False
    needs_reference = True

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._signal = self._noise = 0.0

    @property
    def value(self) -> float:
        with np.errstate(divide="ignore", invalid="ignore"):  # without noise it is infinite
            return float(10 * np.log10(np.float64(self._signal) / self._noise))

    def update(self, outputs: Outputs, labels: Outputs) -> None:
        for name, output in outputs.items():
            # one by one: the same sum for any batch size
            for y, r in zip(output, labels[name].astype(np.float64), strict=True):
                self._signal += float(np.square(r).sum())
                self._noise += float(np.square(r - y).sum())


class Cosine(Metric):
    """Mean over samples and outputs of the cosine between the model's output and the reference's; of two
    zeros it is 1, of one 0.
    """

    name = "cosine"
    needs_labels = False
    needs_reference = True

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._sum, self._count = 0.0, 0

    @property
    def value(self) -> float:
        return self._sum / self._count if self._count else math.nan

    def update(self, outputs: Outputs, labels: Outputs) -> None:
        for name, output in outputs.items():
            for y, r in zip(output.astype(np.float64), labels[name].astype(np.float64), strict=True):
                norms = float(np.linalg.norm(y) * np.linalg.norm(r))
                self._sum += float((y * r).sum()) / norms if norms else float(not y.any() and not r.any())
                self._count += 1
