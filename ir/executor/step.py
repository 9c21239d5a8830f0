"""Step and Plan: what a graph is compiled to. A plan is a list of steps, and the arrays that they work on."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from numpot.kernels.program.step import Row

from ..graph import Tensor
from .steps.builder import Tallied
from .steps.tensor_slots import Slots


@dataclass(frozen=True)
class Step:
    """What computes a layer. kernel: which one; fused: names of the further layers it computes on the way.

    Either `row` belongs to a program, and `slots` are those it reads and, last, the one it writes; or
    `define` is the NumPy definition.
    """

    name: str
    kernel: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    fused: tuple[str, ...] = ()
    row: Row | None = None
    slots: tuple[int, ...] = ()
    define: Callable[..., list[np.ndarray]] | None = None
    tallied: Tallied | None = None
    scratch: int = 0
    images: int = 0  # of a row: indices of the first axis, each of which it takes by itself


@dataclass(frozen=True)
class Plan:
    steps: list[Step]
    constants: dict[Tensor, np.ndarray]
    slots: Slots
    # tensors that are another one's memory, in another shape
    aliases: dict[Tensor, Tensor] = field(default_factory=dict)
    # slots where outputs lie as the graph sees them, not as kernels do
    results: dict[Tensor, int] = field(default_factory=dict)
    # tensor -> slot of what its sweep finds, and row in it
    swept: dict[Tensor, tuple[int, int]] = field(default_factory=dict)
