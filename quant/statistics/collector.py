"""Collector: what all that calibration remembers of a tensor can do. Its state is plain data: it can be
saved, sent and merged.
"""

import math
from abc import ABC, abstractmethod
from typing import Any, TypeVar

import numpy as np

from numpot.ir.graph import Tensor

from .reductions import Observation, Observed


class Collector(ABC):
    """Takes in the samples of one tensor; never keeps them.

    count: samples taken in. A collector is restored from `state()` by one made with the same arguments, which
    have the same `key`.
    """

    needs_only_a_sweep = False  # of images: reductions.py

    def __init__(self) -> None:
        self.count = 0

    @property
    @abstractmethod
    def key(self) -> str:
        """What is collected, as text: equal keys, equal statistics."""

    def update(self, x: np.ndarray | Observation) -> None:
        """Take in a batch, x: (N, ...) float32. Raises ValueError where it holds NaN or infinity."""
        batch = x if isinstance(x, Observation) else Observed(x)
        if len(batch):
            self._take(batch)
            self.count += len(batch)

    def merge(self, other: "Collector") -> None:
        """Take in all samples of another collector with the same key, as if they had come here."""
        if self.key != other.key:
            raise ValueError(f"statistics differ: {self.key!r} and {other.key!r}")
        if other.count:
            self._merge(other)
            self.count += other.count

    def state(self) -> dict[str, Any]:
        """What was collected, in values that msgpack has."""
        return {"count": self.count} | (self._state() if self.count else {})

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state. Raises ValueError, KeyError or TypeError for one that does not fit."""
        if not isinstance(state["count"], int) or state["count"] < 0:
            raise ValueError(f"count is {state['count']!r}")
        if state["count"]:
            self._restore(state)
        self.count = state["count"]

    @abstractmethod
    def _take(self, batch: Observation) -> None: ...

    @abstractmethod
    def _merge(self, other: Any) -> None: ...

    @abstractmethod
    def _state(self) -> dict[str, Any]: ...

    @abstractmethod
    def _restore(self, state: dict[str, Any]) -> None: ...


C = TypeVar("C", bound=Collector)


class Collectors:
    """All that is to be collected, without doubles: those who want the same of a tensor share it."""

    def __init__(self) -> None:
        self._wanted: dict[Tensor, dict[str, Collector]] = {}

    def want(self, tensor: Tensor, collector: C) -> C:
        """Ask for what `collector` collects of a tensor; returns the collector to read afterwards, which is
        another one if the same was asked for before.
        """
        found = self._wanted.setdefault(tensor, {}).setdefault(collector.key, collector)
        assert isinstance(found, type(collector))
        return found

    @property
    def by_tensor(self) -> dict[Tensor, list[Collector]]:
        return {tensor: list(collectors.values()) for tensor, collectors in self._wanted.items()}


def pack(array: np.ndarray) -> dict[str, Any]:
    """An array as plain data, little-endian."""
    return {
        "dtype": array.dtype.name,
        "shape": list(array.shape),
        "bytes": array.astype(array.dtype.newbyteorder("<")).tobytes(),
    }


def unpack(packed: dict[str, Any], dtype: type[np.generic]) -> np.ndarray:
    """The array; sizes are checked in Python integers before anything is allocated. Raises ValueError,
    KeyError or TypeError.
    """
    expected = np.dtype(dtype)
    shape, data = packed["shape"], packed["bytes"]
    if packed["dtype"] != expected.name:
        raise ValueError(f"an array is {packed['dtype']}, expected {expected.name}")
    if any(not isinstance(d, int) or d < 0 for d in shape) or math.prod(shape) * expected.itemsize != len(
        data
    ):
        raise ValueError(f"an array of shape {shape} has {len(data)} bytes")
    return np.frombuffer(data, expected.newbyteorder("<")).reshape(shape).astype(expected)
