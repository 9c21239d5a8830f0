"""Reading the ports that hold integers (axes, lengths, patterns, indices), and counting from the front."""

import numpy as np

from ...dtypes import INTEGERS, NAMES, DType
from .operator import Ints, OperatorError, Shape


def integers(value: np.ndarray, what: str) -> Ints:
    """A scalar or vector of integers as plain ints; OperatorError for anything else."""
    if value.dtype not in INTEGERS or value.ndim > 1:
        raise OperatorError(
            f"{what} must be integers in one dimension, found {NAMES.get(value.dtype, value.dtype)} of "
            f"shape {list(value.shape)}"
        )
    return tuple(int(v) for v in value.ravel())


def integer(value: np.ndarray, what: str) -> int:
    """The one integer of a scalar, or of a vector of length 1."""
    values = integers(value, what)
    if len(values) != 1:
        raise OperatorError(f"{what} must be one integer, found {len(values)}")
    return values[0]


def normalize_axis(axis: int, rank: int) -> int:
    """The axis counted from the front: 0 <= axis < rank."""
    if not -rank <= axis < rank:
        raise OperatorError(
            f"axis must be within [{-rank}, {rank - 1}] for a tensor of rank {rank}, found {axis}"
        )
    return axis % rank


def normalize_axes(axes: Ints, rank: int) -> Ints:
    """Distinct axes counted from the front, in ascending order."""
    normal = sorted({normalize_axis(axis, rank) for axis in axes})
    if len(normal) != len(axes):
        raise OperatorError(f"axes must be distinct, found {list(axes)}")
    return tuple(normal)


def blank(shape: Shape) -> np.ndarray:
    """An array of this shape that takes no memory. Indexing and permuting it moves the shape exactly as it
    would move the data.
    """
    return np.broadcast_to(np.False_, shape)


def check_integers(dtype: DType, what: str = "indices") -> None:
    """Raises OperatorError for an element type that is no integer."""
    if dtype not in INTEGERS:
        raise OperatorError(f"{what} must be integers, found {NAMES[dtype]}")


def from_the_front(indices: np.ndarray, size: int) -> np.ndarray:
    """Indices of an axis of `size`, those below zero counted from its end, as indices from 0 on, s64."""
    if ((indices < -size) | (indices >= size)).any():
        raise OperatorError(
            f"indices must be within [{-size}, {size - 1}], found {indices.min()} to {indices.max()}"
        )
    return np.where(indices < 0, indices.astype(np.int64) + size, indices.astype(np.int64))
