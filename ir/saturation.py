"""LayerSaturation: what the executor counted in an integer layer."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class LayerSaturation:
    """Over all runs so far. pairs: pair sums formed. saturated, largest_overflow: (O,) int64 for each output channel, how many clipped,
    and by how much the worst one missed 16 bits. provably_safe: no input whatever could clip one.
    """

    name: str
    pairs: int
    saturated: np.ndarray
    largest_overflow: np.ndarray
    provably_safe: bool
