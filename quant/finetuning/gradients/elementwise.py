"""Operators on one element, or on two that broadcast: the derivative times what comes back
(docs/finetuning.md).

    dx = f'(x) dy                                                                            (T2)

dy is the gradient of the loss at the output y = f(x), dx that at the input, summed where x was broadcast
(`unbroadcast` in registry.py).
"""

import math

import numpy as np

from .registry import Call, Gradients, gradient, unbroadcast

# ---- of two inputs -----------------------------------------------------------------------------------------


def _back(call: Call, *shares: np.ndarray) -> Gradients:
    """Each share in the shape of its input."""
    return [unbroadcast(share, x.shape) for share, x in zip(shares, call.inputs, strict=True)]


@gradient("Add")
def add(call: Call, dy: np.ndarray) -> Gradients:
    return _back(call, dy, dy)


@gradient("Subtract")
def subtract(call: Call, dy: np.ndarray) -> Gradients:
    return _back(call, dy, -dy)


@gradient("Multiply")
def multiply(call: Call, dy: np.ndarray) -> Gradients:
    a, b = call.inputs
    return _back(call, dy * b, dy * a)


@gradient("Divide")
def divide(call: Call, dy: np.ndarray) -> Gradients:
    a, b = call.inputs
    return _back(call, dy / b, -dy * a / np.square(b))


@gradient("Maximum")
def maximum(call: Call, dy: np.ndarray) -> Gradients:
    """Give the gradient to the larger element; if both are equal, to the first."""
    a, b = call.inputs
    return _back(call, dy * (a >= b), dy * (a < b))


@gradient("Minimum")
def minimum(call: Call, dy: np.ndarray) -> Gradients:
    a, b = call.inputs
    return _back(call, dy * (a <= b), dy * (a > b))


@gradient("Power")
def power(call: Call, dy: np.ndarray) -> Gradients:
    """The exponent has a gradient where the base is positive: elsewhere a^b is not a function of a real b."""
    a, b = call.inputs
    logarithm = np.log(a, out=np.zeros_like(a), where=a > 0)
    return _back(call, dy * b * np.power(a, b - 1), dy * call.outputs[0] * logarithm)


@gradient("Select")
def select(call: Call, dy: np.ndarray) -> Gradients:
    condition, then, otherwise = call.inputs
    return [None, unbroadcast(dy * condition, then.shape), unbroadcast(dy * ~condition, otherwise.shape)]


# ---- of one input ------------------------------------------------------------------------------------------


@gradient("Negative")
def negative(call: Call, dy: np.ndarray) -> Gradients:
    return [-dy]


@gradient("Abs")
def absolute(call: Call, dy: np.ndarray) -> Gradients:
    return [dy * np.sign(call.inputs[0])]


@gradient("Sqrt")
def sqrt(call: Call, dy: np.ndarray) -> Gradients:
    return [dy * 0.5 / call.outputs[0]]


@gradient("Exp")
def exp(call: Call, dy: np.ndarray) -> Gradients:
    return [dy * call.outputs[0]]


@gradient("Log")
def log(call: Call, dy: np.ndarray) -> Gradients:
    return [dy / call.inputs[0]]


@gradient("Erf")
def erf(call: Call, dy: np.ndarray) -> Gradients:
    return [dy * (2 / math.sqrt(math.pi)) * np.exp(-np.square(call.inputs[0]))]
