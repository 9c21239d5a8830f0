"""What the executor counts of saturation: LayerSaturation for readers, Tallies while it runs."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from numpot.kernels.saturation import SaturationCount, safe_anywhere

if TYPE_CHECKING:
    from .plan import Step
    from .steps.builder import Tallied


@dataclass(frozen=True)
class LayerSaturation:
    """Over all runs so far. pairs: pair sums formed. saturated, largest_overflow: (O,) int64 for each output
    channel, how many clipped, and by how much the worst one missed 16 bits. provably_safe: no input whatever
    could clip one, on any processor. clips_elsewhere: none of the pairs that are counted can clip, but some
    processors pair other products, and those can: one input channel, as a rule, which AVX-512 pairs along the
    kernel. weight_bits: (O,) float, how much of 8 bits the weights of each channel use: log2(2 max |w|), 8.0
    for 127 and 7.0 for 64.
    """

    name: str
    pairs: int
    saturated: np.ndarray
    largest_overflow: np.ndarray
    provably_safe: bool
    clips_elsewhere: bool
    weight_bits: np.ndarray


@dataclass
class _Layer:
    """first: of its channels among all; pairs: formed so far."""

    tallied: "Tallied"
    first: int
    pairs: int = 0
    has_run: bool = False


class Tallies:
    """Counts of all integer layers, their channels one after another, over runs with inputs of any shapes."""

    def __init__(self) -> None:
        self._layers: dict[str, _Layer] = {}
        self.total = SaturationCount.zeros(0)

    @property
    def channels(self) -> int:
        return len(self.total.pairs)

    def add_layers(self, steps: list["Step"]) -> None:
        """Make room for the layers of a plan that are new; every layer's rows are told where its own channels
        begin.
        """
        for step in steps:
            if step.row is not None and step.tallied is not None:
                if step.name not in self._layers:
                    self._layers[step.name] = _Layer(step.tallied, self.channels)
                    more = np.zeros(len(step.tallied.weights), np.int64)
                    self.total = SaturationCount(*(np.concatenate([counts, more]) for counts in self.total))
                step.row.set(tally=self._layers[step.name].first)

    def add(self, count: SaturationCount) -> None:
        """What one thread counted; of the layers that were there when its program was linked."""
        known = len(count.pairs)
        self.total.pairs[:known] += count.pairs
        np.maximum(self.total.overflow[:known], count.overflow, out=self.total.overflow[:known])

    def ran(self, steps: list["Step"]) -> None:
        """A run of these steps is over."""
        of_each = {
            step.name: step.tallied.pairs * step.images
            for step in steps
            if step.tallied is not None and step.images
        }
        for name, pairs in of_each.items():  # a layer of several steps forms all its pairs once
            self._layers[name].pairs += pairs
            self._layers[name].has_run = True

    @property
    def layers(self) -> list[LayerSaturation]:
        """Of the layers that ran, in their order."""
        return [self._layer(name, layer) for name, layer in self._layers.items() if layer.has_run]

    def _layer(self, name: str, layer: "_Layer") -> LayerSaturation:
        weights, first = layer.tallied.weights, layer.first
        channels = slice(first, first + len(weights))
        safe = bool(safe_anywhere(weights, layer.tallied.pairings()).all())
        return LayerSaturation(
            name.removesuffix("/integer"),
            layer.pairs,
            self.total.pairs[channels].copy(),
            self.total.overflow[channels].copy(),
            safe,
            not safe and layer.tallied.is_safe_here,
            _weight_bits(weights),
        )


def _weight_bits(weights: np.ndarray) -> np.ndarray:
    """(O, ...) s8 -> (O,): how much of 8 bits each channel uses."""
    largest = np.abs(weights.astype(np.int32)).reshape(len(weights), -1).max(axis=1, initial=1)
    return np.log2(2.0 * np.maximum(largest, 1))
