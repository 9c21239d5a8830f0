"""Packed weights, kept as long as the weights they were made of: a model that is compiled twice is packed once."""

import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

_packed: dict[tuple[int, object], Any] = {}


def packed(weights: np.ndarray, kind: object, pack: Callable[[], Any]) -> Any:
    """pack(), or what it returned for the same array and kind before. The array must not be written to meanwhile; a model's never are."""
    key = id(weights), kind
    if key not in _packed:
        _packed[key] = pack()
        weakref.finalize(weights, _packed.pop, key, None)  # an id may be given again once the array is gone
    return _packed[key]
