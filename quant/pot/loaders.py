"""DataLoader and Metric in POT's shapes, and POT's samples seen as numpot's."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..data.loader import Data, Sample
from ..data.loader import DataLoader as Samples
from ..errors import DataError


class DataLoader(ABC):
    """Samples by number. `loader[i]` is (data, annotation) or (data, annotation, metadata); POT's older order
    ((id, annotation), data) and ((id, annotation), data, metadata) is taken too. data: an array, or arrays by
    input name."""

    def __init__(self, config: Any = None) -> None:
        self.config = config

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def __getitem__(self, index: int) -> Any: ...


class Metric(ABC):
    """A measure of quality, updated sample by sample."""

    def __init__(self) -> None:
        self.reset()

    @property
    def value(self) -> Mapping[str, Any]:
        """Metric name -> values of the samples of the last update."""
        raise NotImplementedError(
            f"{type(self).__name__}.value is needed for a metric of each sample, and is not written"
        )

    @property
    @abstractmethod
    def avg_value(self) -> Mapping[str, Any]:
        """Metric name -> value over all samples since the last reset."""

    @property
    def higher_better(self) -> bool:
        """Whether a larger value is the better one."""
        return True

    @abstractmethod
    def update(self, output: Sequence[np.ndarray], target: Sequence[Any]) -> None:
        """output: what the model gave, in the order of its outputs. target: annotations."""

    @abstractmethod
    def reset(self) -> None:
        """Forget all samples."""

    @abstractmethod
    def get_attributes(self) -> Mapping[str, Mapping[str, str]]:
        """Metric name -> {"direction": "higher-better" or "higher-worse", "type": ...}."""


class Item(NamedTuple):
    """One sample of a POT loader, whichever order it was given in."""

    data: Data
    annotation: Any
    metadata: Any


def unpack(loader: DataLoader, index: int) -> Item:
    """Raises DataError for what is no sample."""
    item = loader[index]
    if not isinstance(item, tuple) or not 2 <= len(item) <= 3:
        raise DataError(
            f"{type(loader).__name__}: sample {index} must be (data, annotation) or (data, annotation, "
            f"metadata), found {_brief(item)}."
        )
    metadata = item[2] if len(item) == 3 else None
    if isinstance(item[0], tuple):
        (_, annotation), data = item[0][:2], item[1]
        return Item(data, annotation, metadata)
    return Item(item[0], item[1], metadata)


class PotSamples(Samples):
    """A POT loader as numpot's algorithms read it."""

    def __init__(self, loader: DataLoader) -> None:
        self._loader = loader

    @property
    def name(self) -> str:
        return type(self._loader).__name__

    def __len__(self) -> int:
        return len(self._loader)

    def __getitem__(self, index: int) -> Sample:
        data, annotation, _ = unpack(self._loader, index)
        return (data if isinstance(data, Mapping) else np.asarray(data)), annotation


def _brief(item: Any) -> str:
    return f"{type(item).__name__} of {len(item)}" if isinstance(item, tuple) else type(item).__name__
