"""Samples straight from arrays, for tests."""

from collections.abc import Mapping

import numpy as np

from numpot.quant.data.loader import DataLoader


class ArrayData(DataLoader):
    """data: (samples, ...), or a dict of such arrays by the names of the model's inputs."""

    def __init__(self, data: np.ndarray | Mapping[str, np.ndarray]) -> None:
        self._data = data

    def __len__(self):
        return len(next(iter(self._data.values())) if isinstance(self._data, Mapping) else self._data)

    def __getitem__(self, index):
        if isinstance(self._data, Mapping):
            return {name: array[index] for name, array in self._data.items()}, None
        return self._data[index], None


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
