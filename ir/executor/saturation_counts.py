"""Counts of saturation in the executor: LayerSaturation for readers, Tallies while it runs."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from numpot.kernels.saturation import SaturationCount, safe_anywhere

from ..display.html_table import html_table

if TYPE_CHECKING:
    from .step import Step
    from .steps.builder import Tallied


@dataclass(frozen=True, repr=False)
class LayerSaturation:
    """The counts of one layer over all runs so far. pairs: pair sums formed. saturated, largest_overflow:
    (O,) int64 for each output channel, how many pairs clipped, and by how much the worst one exceeded 16
    bits. provably_safe: no possible input can clip a pair, on any processor. clips_elsewhere: none of the
    counted pairs can clip, but some processors pair other products, and those can: usually a layer with one
    input channel, which AVX-512 pairs along the kernel. weight_bits: (O,) float, how much of 8 bits the
    weights of each channel use: log2(2 max |w|), 8.0 for 127 and 7.0 for 64.
    """

    name: str
    pairs: int
    saturated: np.ndarray
    largest_overflow: np.ndarray
    provably_safe: bool
    clips_elsewhere: bool
    weight_bits: np.ndarray

    @property
    def verdict(self) -> str:
        """In two words, for tables: whether pairs clip, could, or cannot."""
        if self.provably_safe:
            return "proven safe"
        if self.saturated.any():
            return "clips"
        return "may clip elsewhere" if self.clips_elsewhere else "no clip seen"

    def __repr__(self) -> str:
        """LayerSaturation 'conv1': 12 of 1,204,224 pairs clip, 3 of 16 channels, weights of 7.9
        bits: clips
        """
        clipped = f"{self.saturated.sum():,} of {self.pairs:,} pairs clip"
        channels = f"{(self.saturated > 0).sum():,} of {len(self.saturated):,} channels"
        bits = f"weights of {self.weight_bits.mean():.1f} bits"
        return f"LayerSaturation {self.name!r}: {clipped}, {channels}, {bits}: {self.verdict}"


class SaturationResult(list[LayerSaturation]):
    """The layers that were counted, in the order they run; a list that says in one line what it found."""

    @property
    def clipped(self) -> int:
        """Pairs that clip, in all layers."""
        return int(sum(layer.saturated.sum() for layer in self))

    def __repr__(self) -> str:
        """SaturationResult: 12 of 3,000,000 pairs clip, in 1 of 20 layers"""
        pairs, layers = sum(layer.pairs for layer in self), sum(bool(x.saturated.any()) for x in self)
        return (
            f"SaturationResult: {self.clipped:,} of {pairs:,} pairs clip, in {layers} of {len(self)} layers"
        )

    def _repr_html_(self) -> str:
        """A row for each layer, for notebooks."""
        return html_table(repr(self), SATURATION_COLUMNS, [saturation_row(layer) for layer in self])


SATURATION_COLUMNS: Final = ("layer", "bits", "pairs", "saturated", "worst by", "verdict")


def saturation_row(layer: LayerSaturation) -> list[str]:
    """One layer under SATURATION_COLUMNS. worst by: how far the worst pair sum missed 16 bits."""
    return [
        layer.name,
        f"{layer.weight_bits.mean():.2f}",
        f"{layer.pairs:,}",
        f"{layer.saturated.sum():,}",
        f"{layer.largest_overflow.max(initial=0):,}",
        layer.verdict,
    ]


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
        """Return the counts of the layers that ran, in their order."""
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
