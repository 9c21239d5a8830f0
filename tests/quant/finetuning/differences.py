"""Gradients as anybody can compute them: move one element a little either way, and see what becomes of the
result.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from numpot.quant.finetuning.gradients import FORWARDS, RULES, Call

Arrays = Sequence[np.ndarray]


def central_differences(function: Callable[[np.ndarray], float], x: np.ndarray, step: float) -> np.ndarray:
    """d function / d x, of the shape of x."""
    found = np.zeros(x.shape)
    for place in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[place] += step
        down[place] -= step
        found[place] = (function(up) - function(down)) / (float(up[place]) - float(down[place]))
    return found


def outputs_of(op: Any, inputs: Arrays) -> list[np.ndarray]:
    found = FORWARDS[op.type](op, *inputs) if op.type in FORWARDS else op.evaluate(*inputs)
    return [np.asarray(y) for y in (found if isinstance(found, list) else [found])]


def assert_gradients(
    op: Any, inputs: Arrays, wanted: Sequence[int] = (0,), *, step: float = 1e-5, tolerance: float = 1e-6
) -> None:
    """The rule of an operator against differences, for the input ports `wanted`; what weighs the outputs is
    drawn at random.
    """
    outputs = outputs_of(op, inputs)
    rng = np.random.default_rng(7)
    weights = [rng.standard_normal(y.shape).astype(y.dtype) for y in outputs]
    call = Call(op, inputs, outputs, [port in wanted for port in range(len(inputs))])
    gradients = RULES[op.type](call, *weights)
    for port in wanted:

        def weighed(x: np.ndarray, port: int = port) -> float:
            changed = outputs_of(op, [*inputs[:port], x, *inputs[port + 1 :]])
            return sum(float((w * y).sum(dtype=np.float64)) for w, y in zip(weights, changed, strict=True))

        found = gradients[port]
        assert found is not None and found.shape == inputs[port].shape and found.dtype == inputs[port].dtype
        expected = central_differences(weighed, inputs[port], step)
        np.testing.assert_allclose(
            found, expected, rtol=tolerance, atol=tolerance * max(1, np.abs(expected).max())
        )
