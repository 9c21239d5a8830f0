"""The table of gradient rules: for each type of operator, what the loss's gradient at its outputs makes at
its inputs (docs/finetuning.md).

A rule gets the operator as it ran and one gradient for each output, of that output's shape, and returns one
for each input, of the input's shape, in the order of the ports; None, or a shorter list, where there is
nothing to pass on. It must not write into what it is given. What all rules of broadcasting operators share,
with dx and dy the gradients at an input x and at the output, is `unbroadcast`:

    broadcast x:            dx = sum of dy over the axes along which x was repeated          (T3)
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from numpot.ir.ops.common.operator import Shape

Gradients = Sequence[np.ndarray | None]
Rule = Callable[..., Gradients]  # (Call, *gradients of the outputs) -> gradients of the inputs
Forward = Callable[..., np.ndarray]  # (operator, *inputs) -> output


@dataclass(frozen=True)
class Call:
    """One operator as it ran. op: with its attributes. inputs, outputs: arrays by port. wanted: which inputs
    anybody asks a gradient of; a rule may leave the others out."""

    op: Any
    inputs: Sequence[np.ndarray]
    outputs: Sequence[np.ndarray]
    wanted: Sequence[bool]


RULES: dict[str, Rule] = {}
#: Operators that training computes by another function than `evaluate`, because that is slow or works in
#: float32 only.
FORWARDS: dict[str, Forward] = {}


def gradient(*types: str) -> Callable[[Rule], Rule]:
    """Register a rule for operators of these types."""

    def register(rule: Rule) -> Rule:
        RULES.update(dict.fromkeys(types, rule))
        return rule

    return register


def forward(operator: str) -> Callable[[Forward], Forward]:
    """Register what training computes for operators of this type."""

    def register(function: Forward) -> Forward:
        FORWARDS[operator] = function
        return function

    return register


def unbroadcast(gradient: np.ndarray, shape: Shape) -> np.ndarray:
    """The gradient of an array of `shape` that was broadcast: summed over the axes along which it was
    repeated (T3).
    """
    if gradient.shape == shape:
        return gradient
    added = gradient.ndim - len(shape)
    stretched = tuple(
        added + axis for axis, d in enumerate(shape) if d == 1 and gradient.shape[added + axis] != 1
    )
    return gradient.sum(axis=(*range(added), *stretched)).reshape(shape)
