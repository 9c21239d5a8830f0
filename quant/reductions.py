"""What is taken of one sample: its largest value, a quantile, ... (eq. S1 in docs/calibration.md).

`Observed` is a batch as an observer sees it. What several statistics of a tensor have in common is computed once, while the tensor is hot
in cache: the largest absolute value from the smallest and the largest value, both tails from one partial sort.
"""

from typing import Final, Literal, get_args

import numpy as np

Reduction = Literal["min", "max", "abs_max", "mean", "quantile", "abs_quantile"]
REDUCTIONS: Final = get_args(Reduction)
QUANTILES: Final = ("quantile", "abs_quantile")


class Observed:
    """Samples of one tensor. x: (N, ...) float32."""

    def __init__(self, x: np.ndarray) -> None:
        self.x = x
        self._known: dict[tuple[str, int | None, float], np.ndarray] = {}

    def __len__(self) -> int:
        return len(self.x)

    def reduce(self, reduction: Reduction, channel_axis: int | None, q: float = 0.0) -> np.ndarray:
        """(N, 1) if channel_axis is None, else (N, C); float32. channel_axis: the axis, batch included, that is kept. q: of a quantile."""
        key = (reduction, channel_axis, q)
        if key not in self._known:
            if reduction in QUANTILES:
                self._known.update(self._tails(reduction, channel_axis, q))
            else:
                self._known[key] = self._reduced(reduction, channel_axis)
        return self._known[key]

    def _reduced(self, reduction: Reduction, channel_axis: int | None) -> np.ndarray:
        if reduction == "abs_max":
            return np.maximum(self.reduce("max", channel_axis), -self.reduce("min", channel_axis))
        kept = {0} if channel_axis is None else {0, channel_axis % self.x.ndim}
        axes = tuple(a for a in range(self.x.ndim) if a not in kept)
        if reduction == "mean":
            value = self.x.mean(axis=axes, dtype=np.float64)
        else:
            value = (np.min if reduction == "min" else np.max)(self.x, axis=axes)
        return value.reshape(len(self.x), -1).astype(np.float32)

    def _tails(self, reduction: Reduction, channel_axis: int | None, q: float) -> dict[tuple[str, int | None, float], np.ndarray]:
        """The quantile that is asked for and the opposite one, which as a rule is asked for next."""
        values = self.rows(channel_axis)
        values = np.abs(values) if reduction == "abs_quantile" else values
        both = np.quantile(values, [q, 1 - q], axis=2).astype(np.float32)
        return {(reduction, channel_axis, 1 - q): both[1], (reduction, channel_axis, q): both[0]}

    def rows(self, channel_axis: int | None) -> np.ndarray:
        """(N, C, M): the M numbers of each channel of each sample; C is 1 if channel_axis is None."""
        if channel_axis is None:
            return self.x.reshape(len(self.x), 1, -1)
        channels = self.x.shape[channel_axis]
        return np.moveaxis(self.x, channel_axis, 1).reshape(len(self.x), channels, -1) if channels else self.x.reshape(len(self.x), 0, 0)
