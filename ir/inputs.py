"""Checking what a caller feeds a model, once, for everything that runs one."""

from collections.abc import Mapping

import numpy as np

from .dtypes import NAMES
from .errors import GraphError
from .graph import Graph, Tensor


def bind_inputs(graph: Graph, inputs: Mapping[str, np.ndarray] | np.ndarray) -> dict[Tensor, np.ndarray]:
    """Parameter tensor -> array. Raises GraphError naming the input that is missing, unknown, or of the wrong type or shape."""
    parameters = graph.inputs
    names = ", ".join(repr(p.name) for p in parameters)
    if not isinstance(inputs, Mapping):
        if len(parameters) != 1:
            raise GraphError(f"the model has inputs {names}; give a dict of arrays by these names")
        inputs = {parameters[0].name: inputs}
    for name in inputs:
        if name not in {p.name for p in parameters}:
            raise GraphError(f"the model has no input {name!r}; its inputs are {names}")
    bound: dict[Tensor, np.ndarray] = {}
    batches: dict[str, int] = {}
    for parameter in parameters:
        if parameter.name not in inputs:
            raise GraphError(f"input {parameter.name!r} is missing")
        array, tensor = np.asarray(inputs[parameter.name]), parameter.output
        if array.dtype != tensor.dtype:
            raise GraphError(f"input {parameter.name!r} must be {NAMES[tensor.dtype]}, found {array.dtype}")
        if not fits(array.shape, tensor.shape):
            raise GraphError(f"input {parameter.name!r} must have shape {list(tensor.shape)}, found {list(array.shape)}")
        if tensor.shape and tensor.shape[0] == -1:
            batches[parameter.name] = array.shape[0]
        bound[tensor] = array
    if len(set(batches.values())) > 1:
        raise GraphError("inputs must have one batch size, found " + ", ".join(f"{n!r}: {b}" for n, b in batches.items()))
    return bound


def fits(shape: tuple[int, ...], expected: tuple[int, ...]) -> bool:
    """Whether a shape has the expected dimensions, -1 standing for any."""
    return len(shape) == len(expected) and all(e in (-1, d) for d, e in zip(shape, expected, strict=True))
