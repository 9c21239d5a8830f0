"""LayerSaturation: what the executor counted in an integer layer."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class LayerSaturation:
    """Over all runs so far. pairs: pair sums formed. saturated, largest_overflow: (O,) int64 for each output channel, how many clipped,
    and by how much the worst one missed 16 bits. provably_safe: no input whatever could clip one. weight_bits: (O,) float, how much of
    8 bits the weights of each channel use: log2(2 max |w|), 8.0 for 127 and 7.0 for 64.
    """

    name: str
    pairs: int
    saturated: np.ndarray
    largest_overflow: np.ndarray
    provably_safe: bool
    weight_bits: np.ndarray
