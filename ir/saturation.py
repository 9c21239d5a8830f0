"""What the executor counts of saturation: LayerSaturation for readers, Tallies while it runs."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from numpot.kernels.saturation import SaturationCount, safe_anywhere

if TYPE_CHECKING:
    from .plan import Step


@dataclass(frozen=True)
class LayerSaturation:
    """Over all runs so far. pairs: pair sums formed. saturated, largest_overflow: (O,) int64 for each output channel, how many clipped,
    and by how much the worst one missed 16 bits. provably_safe: no input whatever could clip one, on any processor. clips_elsewhere: none
    of the pairs that are counted can clip, but some processors pair other products, and those can: one input channel, as a rule, which
    AVX-512 pairs along the kernel.
    weight_bits: (O,) float, how much of 8 bits the weights of each channel use: log2(2 max |w|), 8.0 for 127 and 7.0 for 64.
    """

    name: str
    pairs: int
    saturated: np.ndarray
    largest_overflow: np.ndarray
    provably_safe: bool
    clips_elsewhere: bool
    weight_bits: np.ndarray


class Tallies:
    """Counts of all integer layers, their channels one after another; every layer's row is told where its own begin."""

    def __init__(self, steps: list["Step"]) -> None:
        self._steps: list[Step] = []
        self._images = 0
        first = channels = 0
        for step in steps:
            if step.row is None or step.tallied is None:
                continue
            if not self._steps or step.tallied is not self._steps[-1].tallied:  # else another part of the same layer
                self._steps.append(step)
                first = channels
                channels += len(step.tallied.weights)
            step.row.record["tally"] = first
        self.total = SaturationCount.zeros(channels)

    def add(self, count: SaturationCount) -> None:
        """What one thread counted."""
        self.total.pairs[:] += count.pairs
        np.maximum(self.total.overflow, count.overflow, out=self.total.overflow)

    def ran(self, images: int) -> None:
        self._images += images

    @property
    def layers(self) -> list[LayerSaturation]:
        """Of the layers that ran, in their order."""
        return [self._layer(step) for step in self._steps] if self._images else []

    def _layer(self, step: "Step") -> LayerSaturation:
        assert step.row is not None and step.tallied is not None
        weights, first = step.tallied.weights, int(step.row.record["tally"])
        channels = slice(first, first + len(weights))
        safe = bool(safe_anywhere(weights, step.tallied.pairings).all())
        return LayerSaturation(
            step.name.removesuffix("/integer"),
            step.tallied.pairs * self._images,
            self.total.pairs[channels].copy(),
            self.total.overflow[channels].copy(),
            safe,
            not safe and step.tallied.is_safe_here,
            _weight_bits(weights),
        )


def _weight_bits(weights: np.ndarray) -> np.ndarray:
    """(O, ...) s8 -> (O,): how much of 8 bits each channel uses."""
    largest = np.abs(weights.astype(np.int32)).reshape(len(weights), -1).max(axis=1, initial=1)
    return np.log2(2.0 * np.maximum(largest, 1))
