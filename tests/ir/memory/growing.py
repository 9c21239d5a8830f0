"""A random graph while it grows (graphs.py), and what is known of its numbers."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from numpot.ir.dtypes import F32
from numpot.ir.errors import GraphError
from numpot.ir.graph import Graph, Tensor
from numpot.ir.ops import OPERATORS

EXACT = 2.0**22  # units that a sum of float32 may have
LARGEST = 30_000  # elements of a tensor, for the probe batch sizes


class Made(NamedTuple):
    """A tensor, and what is known of its numbers: multiples of `unit`, at most `bound`, if unit is not 0.
    same: their bits are the same whoever computes them.
    """

    tensor: Tensor
    unit: float = 0.0
    bound: float = 0.0
    same: bool = True


Maker = Callable[["Random", Made], Sequence[Made]]
MAKERS: dict[str, Maker] = {}
JUMPING: set[str] = set()  # operators that make much of a difference in the last bit


class Random:
    """A graph that grows. `made`: its tensors."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.graph = Graph(f"random {seed}")
        self.made: list[Made] = []

    # ---- chances ----

    def one_of(self, choices: Sequence[Any]) -> Any:
        return choices[int(self.rng.integers(len(choices)))]

    def number(self, low: int, high: int) -> int:
        """low .. high, both among them."""
        return int(self.rng.integers(low, high + 1))

    def chance(self, one_in: int) -> bool:
        return self.number(1, one_in) == 1

    def pair(self, low: int, high: int) -> tuple[int, int]:
        return (self.number(low, high), self.number(low, high))

    def axis(self, x: Made) -> int:
        rank = len(x.tensor.shape)
        return self.number(-rank, rank - 1) if rank else 0

    def whole(self, shape: Sequence[int], most: int = 2) -> np.ndarray:
        """f32 whole numbers."""
        return self.rng.integers(-most, most + 1, [max(d, 1) for d in shape]).astype(np.float32)

    # ---- growing ----

    def do(self, type: str, *inputs: Made | Tensor | np.ndarray, **attributes: Any) -> list[Tensor]:
        """Outputs of a new node. Raises GraphError where the inputs do not fit, and where an output is too
        large to be worth it.
        """
        tensors = [
            i.tensor
            if isinstance(i, Made)
            else i
            if isinstance(i, Tensor)
            else self.graph.constant(np.asarray(i))
            for i in inputs
        ]
        node = self.graph.add(OPERATORS[type](**attributes), tensors)
        if any(math.prod(known.shape) > LARGEST for t in node.outputs for known in t.known):
            self.graph.remove(node)
            raise GraphError("too large")
        return node.outputs

    def grow(self, name: str) -> None:
        """One more operator, on one of the tensors that it can read."""
        order = [self.made[i] for i in self.rng.permutation(len(self.made))]
        for x in [self.made[-1], *order][int(self.rng.integers(2)) :][:5]:
            if x.same or name not in JUMPING:
                try:
                    made = MAKERS[name](self, x)
                except GraphError:
                    continue
                self.made += made
                if made:
                    return

    def settled(self, x: Made, growth: float) -> Made:
        """x, or x clipped, so that sums of `growth` of its numbers are exact."""
        if not x.unit or x.bound * growth <= EXACT * x.unit:
            return x
        (y,) = self.do("Clamp", x, min=-4.0, max=4.0)
        return Made(y, x.unit, 4.0, x.same)

    def sums(self, x: Made, y: Tensor, growth: float, *, more: float = 0.0) -> Made:
        """What sums of `growth` numbers of x are."""
        is_exact = x.unit > 0 and x.bound * growth + more <= EXACT * x.unit
        return Made(y, x.unit, x.bound * growth + more, x.same) if is_exact else Made(y, same=False)


def maker(*names: str, jumps: bool = False) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Makes a function the maker of operators; it is given the name if it makes several."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        for name in names:
            MAKERS[name] = function if len(names) == 1 else (lambda g, x, name=name: function(g, x, name))
        if jumps:
            JUMPING.update(names)
        return function

    return register


def is_float(x: Made) -> bool:
    return x.tensor.dtype == F32
