"""Check the inputs that a caller gives to a model, arrays or new shapes; one check for everything that runs a
model.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from .dtypes import NAMES, DType
from .errors import GraphError
from .footprint import footprint
from .graph import Graph, Tensor
from .ops.common.operator import Shape, nearest
from .ops.parameter import Parameter


class Port(NamedTuple):
    """An input of a model. shape: -1 is the batch."""

    name: str
    tensor: Tensor
    dtype: DType
    shape: Shape


class Ports(list[Port]):
    """The inputs of a graph, looked up once for many runs, and what a run of it takes."""

    def __init__(self, graph: Graph) -> None:
        super().__init__(Port(p.name, p.output, p.output.dtype, p.output.shape) for p in graph.inputs)
        self.footprint = footprint(graph)


def ports(graph: Graph) -> Ports:
    """The inputs of a graph."""
    return Ports(graph)


def bind_inputs(ports: Ports, inputs: Mapping[str, np.ndarray] | np.ndarray) -> dict[Tensor, np.ndarray]:
    """Parameter tensor -> array. Raises GraphError naming the input that is missing, unknown, or of the wrong
    type or shape, or MemoryLimitError if the run would take more than the memory budget.
    """
    names = ", ".join(repr(p.name) for p in ports)
    if not isinstance(inputs, Mapping):
        if len(ports) != 1:
            raise GraphError(f"the model has inputs {names}; give a dict of arrays by these names")
        inputs = {ports[0].name: inputs}
    for name in inputs:
        if name not in {p.name for p in ports}:
            raise GraphError(f"the model has no input {name!r}; its inputs are {names}")
    bound: dict[Tensor, np.ndarray] = {}
    batches: dict[str, int] = {}
    for name, tensor, dtype, shape in ports:
        if name not in inputs:
            raise GraphError(f"input {name!r} is missing")
        array = np.asarray(inputs[name])
        if array.dtype != dtype:
            raise GraphError(f"input {name!r} must be {NAMES[dtype]}, found {array.dtype}")
        if not fits(array.shape, shape):
            raise GraphError(f"input {name!r} must have shape {list(shape)}, found {list(array.shape)}")
        if shape and shape[0] == -1:
            batches[name] = array.shape[0]
        bound[tensor] = array
    if len(set(batches.values())) > 1:
        raise GraphError(
            "inputs must have one batch size, found " + ", ".join(f"{n!r}: {b}" for n, b in batches.items())
        )
    ports.footprint.check(max(batches.values(), default=0))
    return bound


def fits(shape: tuple[int, ...], expected: tuple[int, ...]) -> bool:
    """Whether a shape has the expected dimensions, -1 standing for any."""
    return len(shape) == len(expected) and all(e in (-1, d) for d, e in zip(shape, expected, strict=True))


def reshape_inputs(graph: Graph, input_shapes: Mapping[str, Shape]) -> None:
    """Give inputs other shapes. Raises GraphError for one that is not there, a shape of another rank, or one
    that a layer cannot take.
    """
    check_names(input_shapes, (p.name for p in graph.inputs))
    for parameter in graph.inputs:
        op, given = parameter.op, input_shapes.get(parameter.name)
        if given is None or not isinstance(op, Parameter):
            continue
        if len(given) != len(op.shape):
            raise GraphError(
                f"input {parameter.name!r} has shape {list(op.shape)}; the given shape {list(given)} "
                "does not fit it"
            )
        graph.replace_op(parameter, replace(op, shape=tuple(given)))
    if input_shapes:
        graph.infer()


def check_names(input_shapes: Mapping[str, Shape], inputs: Iterable[str]) -> None:
    """Raises GraphError for a shape of an input that is not there."""
    known = list(inputs)
    for name in input_shapes:
        if name not in known:
            raise GraphError(
                f"there is no input {name!r} to give a shape to; inputs are {', '.join(known)}"
                + nearest(name, known)
            )
