"""Assign memory to tensors: every tensor that a kernel reads or writes has a numbered slot.

Images lie as (H,W,C) in memory whatever their logical order: a convolution's dot products then run over
neighbouring bytes, and a 1x1 convolution is a matrix product with nothing to rearrange. Everything else lies
as it is. All shapes are those of one specialization (specialization.py): plain numbers, the first axis of a
tensor as well.
"""

import math
from dataclasses import dataclass

import numpy as np

from ...dtypes import DType
from ...graph import Tensor

ALIGNMENT = 64  # bytes; an image's part is filled up to it where slots share memory


@dataclass(frozen=True)
class Slot:
    """shape: of the whole array as it lies in memory, (N,H,W,C) of images."""

    dtype: DType
    shape: tuple[int, ...]

    @property
    def bytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


class Slots:
    """The slots of a graph's tensors. An operator that leaves memory as it is gives its output the slot of
    its input.
    """

    def __init__(self) -> None:
        self.slots: list[Slot] = []
        self.numbers: dict[Tensor, int] = {}

    def parts(self, tensor: Tensor) -> int | None:
        """Elements of one image, that is, behind one index of the first axis; None for a tensor that has no
        axes.
        """
        return math.prod(tensor.shape[1:]) if tensor.shape else None

    def number(self, tensor: Tensor) -> int:
        """The slot of a tensor."""
        if tensor not in self.numbers:
            self.numbers[tensor] = self.add(Slot(tensor.dtype, memory_shape(tensor)))
        return self.numbers[tensor]

    def add(self, slot: Slot) -> int:
        self.slots.append(slot)
        return len(self.slots) - 1

    def same(self, tensor: Tensor, other: Tensor) -> None:
        """Give a tensor the slot of another, which lies just so in memory."""
        self.numbers[tensor] = self.number(other)


def lies_channels_last(tensor: Tensor) -> bool:
    """Whether its memory is that of (H,W,C) images: all tensors with four axes but inputs, which come as they
    are, (C,H,W).
    """
    shape = tensor.shape
    if len(shape) != 4 or tensor.producer.type != "Parameter":
        return len(shape) == 4
    return shape[1] == 1 or shape[2:] == (1, 1)


def memory_shape(tensor: Tensor) -> tuple[int, ...]:
    """Return the shape of the array in the tensor's slot."""
    shape = tensor.shape
    return (
        (shape[0], *shape[2:], shape[1]) if len(shape) == 4 and tensor.producer.type != "Parameter" else shape
    )


def to_memory(x: np.ndarray) -> np.ndarray:
    """A tensor as it lies in its slot: (N,C,H,W) -> (N,H,W,C); contiguous, and free if it lies so already."""
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1) if x.ndim == 4 else x)


def from_memory(x: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """What lies in a slot as the tensor of that shape, a view."""
    if len(shape) == 4:
        return x.reshape(shape[0], shape[2], shape[3], shape[1]).transpose(0, 3, 1, 2)
    return x.reshape(shape)
