"""Where tensors lie while a model runs: every tensor that a kernel reads or writes has a numbered slot.

Images lie as (H,W,C) in memory whatever their logical order: a convolution's dot products then run over neighbouring bytes, and a 1x1
convolution is a matrix product with nothing to rearrange. Everything else lies as it is. A slot knows the part of one image; the batch
is known only when the model runs.
"""

import math
from dataclasses import dataclass

import numpy as np

from .dtypes import DType
from .graph import Graph, Tensor
from .shapes import PROBE_BATCHES

ALIGNMENT = 64  # bytes; an image's part is filled up to it where slots share memory


@dataclass(frozen=True)
class Slot:
    """shape: (H,W,C) of an image, or (elements,)."""

    dtype: DType
    shape: tuple[int, ...]

    @property
    def image_bytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


class Slots:
    """The slots of a graph's tensors. An operator that leaves memory as it is gives its output the slot of its input."""

    def __init__(self, graph: Graph) -> None:
        self.slots: list[Slot] = []
        self.numbers: dict[Tensor, int] = {}
        self._batches = _batches(graph)

    @property
    def batch(self) -> int:
        """The batch size of a model that has a fixed one."""
        return self._batches[0]

    def parts(self, tensor: Tensor) -> int | None:
        """Elements that belong to one image; None where the batch does not divide them, so that no kernel can be given a slice of it."""
        parts = set()
        for known, batch in zip(tensor.known, self._batches, strict=True):
            if (len(known.shape) == 4 and known.shape[0] != batch) or not known.shape or math.prod(known.shape) % batch:
                return None
            parts.add(math.prod(known.shape) // batch)
        return parts.pop() if len(parts) == 1 else None

    def number(self, tensor: Tensor) -> int:
        """The slot of a tensor that has parts."""
        if tensor not in self.numbers:
            parts = self.parts(tensor)
            assert parts is not None
            shape = tensor.shape
            image = (shape[2], shape[3], shape[1]) if len(shape) == 4 else (parts,)
            self.numbers[tensor] = self.add(Slot(tensor.dtype, image))
        return self.numbers[tensor]

    def add(self, slot: Slot) -> int:
        self.slots.append(slot)
        return len(self.slots) - 1

    def same(self, tensor: Tensor, other: Tensor) -> None:
        """Give a tensor the slot of another, which lies just so in memory."""
        self.numbers[tensor] = self.number(other)


def lies_channels_last(tensor: Tensor) -> bool:
    """Whether its memory is that of (H,W,C) images: all tensors with four axes but inputs, which come as they are, (C,H,W)."""
    shape = tensor.shape
    if len(shape) != 4 or tensor.producer.type != "Parameter":
        return len(shape) == 4
    return shape[1] == 1 or shape[2:] == (1, 1)


def to_memory(x: np.ndarray) -> np.ndarray:
    """A tensor as it lies in its slot: (N,C,H,W) -> (N,H,W,C); contiguous, and free if it lies so already."""
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1) if x.ndim == 4 else x)


def from_memory(x: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """What lies in a slot as the tensor of that shape, a view; -1 is the batch."""
    if len(shape) == 4:
        return x.reshape(-1, shape[2], shape[3], shape[1]).transpose(0, 3, 1, 2)
    return x.reshape(shape)


def _batches(graph: Graph) -> tuple[int, ...]:
    """The batch size of each probe; that of every input where it is fixed, and 1 where inputs have several."""
    shapes = [p.output.shape for p in graph.inputs]
    if any(shape and shape[0] == -1 for shape in shapes):
        return PROBE_BATCHES
    sizes = {shape[0] if shape else 1 for shape in shapes}
    return ((sizes.pop() or 1) if len(sizes) == 1 else 1,) * len(PROBE_BATCHES)
