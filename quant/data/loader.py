"""DataLoader: what every source of samples looks like."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np

from .classes import Classes

Data = np.ndarray | Mapping[str, np.ndarray]
Sample = tuple[Data, Any]


class DataLoader(ABC):
    """A sequence of samples. Write a subclass for data that no built-in source reads.

    `loader[i]` is `(data, label)`. data: the ndarray of one sample without batch dimension (a leading 1 is
    tolerated), or a dict of such arrays by the names of the model's inputs. label: whatever the metric takes,
    None if there is none.
    """

    @property
    def name(self) -> str:
        """The name of the source in error messages."""
        return type(self).__name__

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def __getitem__(self, index: int) -> Sample: ...

    def label(self, index: int) -> Any:
        """Return the label alone; override this if the label is known without reading the data."""
        return self[index][1]

    def where(self, index: int) -> str:
        """Return the name of one sample in error messages."""
        return f"{self.name}: sample {index}"

    @property
    def lacks(self) -> str:
        """What is missing when its labels are None: the middle of the sentence 'the metric needs labels, and
        ... . Add one.'
        """
        return f"{self.name} gives none"

    @property
    def classes(self) -> Classes | None:
        """Which class each label stands for, if classes have names: those of a folder of pictures."""
        return None


class DataView(DataLoader):
    """Another loader, seen differently: subclasses say how; its name and what it lacks stay those of the
    source.
    """

    def __init__(self, loader: DataLoader) -> None:
        self._loader = loader

    @property
    def name(self) -> str:
        return self._loader.name

    @property
    def lacks(self) -> str:
        return self._loader.lacks

    @property
    def classes(self) -> Classes | None:
        return self._loader.classes

    def label(self, index: int) -> Any:
        return self._loader.label(index)

    def where(self, index: int) -> str:
        return self._loader.where(index)

    def __len__(self) -> int:
        return len(self._loader)
