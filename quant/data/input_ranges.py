"""The range of what a model's inputs see in calibration, and whether pixels were scaled by a wrong mean or
standard deviation.

Such a mistake is easily made: --mean and --std are for pixels that were divided by 255, and other tools take
them for pixels of 0 to 255. The model then runs well, on pictures that it cannot tell from each other.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from numpot.ir.dtypes import FLOATS
from numpot.ir.graph import Graph

from .loader import DataLoader, DataView
from .preprocessing import Preprocessing

# standard deviation of every channel; normalized pictures have about 1, a wrong scale leaves below 0.01
NEARLY_CONSTANT: Final = 0.02
# normalized pictures stay within 3 or 4; a standard deviation of 0.05 makes 20 of a white pixel
FAR_FROM_NORMALIZED: Final = 20.0
# a standard deviation of one grey level leaves pixels in 0 to 255, which some models take
PIXEL: Final = 1 / 255


@dataclass(frozen=True)
class InputRange:
    """The smallest and the largest value of all samples, the standard deviation, and the largest one of any
    channel (of a picture).
    """

    min: float
    max: float
    std: float
    channel_std: float

    def record(self) -> dict[str, float]:
        """As values that a model's `info` can hold."""
        return {"min": self.min, "max": self.max, "std": self.std}


class InputRanges(DataView):
    """A loader that remembers the range of every sample that is read from it, which is each once. loader: of
    a ModelData's samples.
    """

    def __init__(self, loader: DataLoader) -> None:
        super().__init__(loader)
        self._seen: dict[str, _Seen] = {}

    def __getitem__(self, index: int) -> Any:
        sample = self._loader[index]
        arrays = sample[0]
        assert isinstance(arrays, Mapping)
        for name, array in arrays.items():
            if array.size:
                self._seen.setdefault(name, _Seen()).add(array)
        return sample

    @property
    def found(self) -> dict[str, InputRange]:
        """Return the range of each input, by name."""
        return {name: seen.range() for name, seen in self._seen.items()}


class _Seen:
    """Sums over what was seen of one input. Channels are along the first axis of a picture, C x H x W; all
    else has one.
    """

    def __init__(self) -> None:
        self.min, self.max, self.count = np.inf, -np.inf, 0
        self.sums: np.ndarray = np.zeros(1)
        self.squares: np.ndarray = np.zeros(1)

    def add(self, array: np.ndarray) -> None:
        rows = array.reshape(len(array) if array.ndim == 3 else 1, -1)
        self.min, self.max = min(self.min, float(rows.min())), max(self.max, float(rows.max()))
        self.sums = self.sums + rows.sum(1, dtype=np.float64)
        # without a copy in float64
        self.squares = self.squares + np.einsum("ij,ij->i", rows, rows, dtype=np.float64)
        self.count += rows.shape[1]

    def range(self) -> InputRange:
        means, squares = self.sums / self.count, self.squares / self.count
        deviation = np.sqrt(max(float(squares.mean() - means.mean() ** 2), 0.0))
        of_channels = np.sqrt(np.maximum(squares - np.square(means), 0))
        return InputRange(self.min, self.max, float(deviation), float(of_channels.max()))


def doubts(graph: Graph, ranges: Mapping[str, InputRange]) -> list[str]:
    """A sentence for every input whose pictures do not look as if the model's mean and standard deviation
    were meant for them.

    Asked only of a model that records how pixels become its input, since without that 0 to 255 is as good as
    anything else, and of float inputs that are pictures, or the only input.
    """
    preprocessing = Preprocessing.recorded(graph)
    if preprocessing is None:
        return []
    inputs = [
        n
        for n in graph.inputs
        if n.output.dtype in FLOATS and (len(n.output.shape) == 4 or len(graph.inputs) == 1)
    ]
    return [
        f"input {n.name!r}: the model sees {shown_range(found.min, found.max)}, {problem}. "
        f"{_advice(preprocessing)}"
        for n in inputs
        if (found := ranges.get(n.name)) and (problem := _problem(found, preprocessing))
    ]


def shown_range(low: float, high: float) -> str:
    """For people."""
    return f"{low:.4g} to {high:.4g}"


def _problem(found: InputRange, used: Preprocessing) -> str:
    """What is wrong with a range after this preprocessing; empty if nothing is."""
    magnitude = max(abs(found.min), abs(found.max))
    in_grey_levels = magnitude <= 256 and all(abs(s / PIXEL - 1) <= 0.01 for s in used.std)
    if found.channel_std < NEARLY_CONSTANT:
        return (
            f"which is nearly one value (standard deviation {found.channel_std:.2g}), where "
            "normalized pictures have about 1"
        )
    if magnitude > FAR_FROM_NORMALIZED and not in_grey_levels:
        return "which is far from the -3 to 3 of normalized pictures"
    return ""


def _advice(used: Preprocessing) -> str:
    """Which option to change, and to what if that can be guessed."""
    mean, std = used.mean, used.std
    if max(map(abs, mean)) > 1 or max(std) > 1:  # of 0 to 255: beyond what pixels between 0 and 1 can have
        mean = tuple(m / 255 if max(map(abs, mean)) > 1 else m for m in mean)
        std = tuple(s / 255 if max(used.std) > 1 else s for s in std)
        why = "are for pixels that were divided by 255, and look like numbers for pixels of 0 to 255"
    elif max(std) < 0.01:
        std = tuple(s * 255 for s in std)
        why = (
            "are for pixels that were divided by 255, and look as if they had been divided by 255 "
            "themselves once more"
        )
    else:
        why = "are for pixels that were divided by 255"
    given = f"--mean {_numbers(used.mean)} --std {_numbers(used.std)} {why}"
    if (mean, std) == (used.mean, used.std):
        return (
            f"{given}; check them, and that the samples are pixels of 0 to 255 (uint8), or floats "
            "that are normalized already"
        )
    return (
        f"{given}; give --mean {_numbers(mean)} --std {_numbers(std)}, or give the data as the "
        "float32 numbers that the model takes"
    )


def _numbers(values: tuple[float, ...]) -> str:
    return ",".join(f"{v:.6g}" for v in values)
