"""SampleSweeps: what a sweep found in every single sample, kept until it is known how the channels will be
aligned (docs/calibration.md).

    r'_ic = (r_ic - a_c) / s_c      for r = min x, max x, mean x                             (A1)

r_ic is the statistic of channel c of sample i, a_c and s_c > 0 are what the channel is shifted and divided
by.
"""

from typing import Any

import numpy as np

from ..statistics.collector import Collector, pack, unpack
from ..statistics.reductions import Observation, Swept
from .channel_alignment import Change


class SampleSweeps(Collector):
    """The least, the largest and the mean value of each channel of each sample: 12 bytes a channel and
    sample.
    """

    needs_only_a_sweep = True

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[np.ndarray] = []  # (n,3,C) float32 each: least, largest, mean

    @property
    def key(self) -> str:
        return "min max mean of every sample axis=1"

    def aligned(self, change: Change) -> Swept:
        """All samples as they would have been, had the channels been aligned before (A1)."""
        low, high, mean = np.moveaxis((self._table - change.shift.astype(np.float64)) / change.scale, 1, 0)
        return Swept(low.astype(np.float32), high.astype(np.float32), mean, positions=1)

    @property
    def _table(self) -> np.ndarray:
        """(samples,3,C)."""
        return np.concatenate(self._rows)

    def _take(self, batch: Observation) -> None:
        rows = np.stack([batch.reduce(reduction, 1) for reduction in ("min", "max", "mean")], axis=1)
        if not np.isfinite(rows).all():
            raise ValueError("NaN or infinity")
        self._rows.append(rows)

    def _merge(self, other: "SampleSweeps") -> None:
        self._rows += other._rows

    def _state(self) -> dict[str, Any]:
        return {"rows": pack(self._table)}

    def _restore(self, state: dict[str, Any]) -> None:
        rows = unpack(state["rows"], np.float32)
        if rows.ndim != 3 or rows.shape[:2] != (state["count"], 3):
            raise ValueError(f"rows have the shape {rows.shape}")
        self._rows = [rows]
