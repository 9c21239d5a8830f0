"""Indices that a tensor holds: what range they may have, and where the elements of a whole tensor lie."""

import numpy as np

from ...dtypes import INTEGERS, NAMES, DType
from .operator import OperatorError, Shape


def check_integers(dtype: DType, what: str = "indices") -> None:
    if dtype not in INTEGERS:
        raise OperatorError(f"{what} must be integers, found {NAMES[dtype]}")


def from_the_front(indices: np.ndarray, size: int) -> np.ndarray:
    """Indices of an axis of `size`, those below zero counted from its end, as indices from 0 on, s64."""
    if ((indices < -size) | (indices >= size)).any():
        raise OperatorError(
            f"indices must be within [{-size}, {size - 1}], found {indices.min()} to {indices.max()}"
        )
    return np.where(indices < 0, indices.astype(np.int64) + size, indices.astype(np.int64))


def along_axis(indices: np.ndarray, axis: int, size: int) -> tuple[np.ndarray, ...]:
    """Where each element of `indices` points to: its own place, but along `axis` what it says."""
    places = list(np.ogrid[tuple(slice(d) for d in indices.shape)])
    places[axis] = from_the_front(indices, size)
    return tuple(places)


def of_slices(indices: np.ndarray, dims: Shape) -> tuple[np.ndarray, ...]:
    """(...,k) indices into the first k axes, of sizes `dims` -> k arrays (...), counted from the front."""
    return tuple(from_the_front(indices[..., k], size) for k, size in enumerate(dims))
