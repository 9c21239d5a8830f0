"""What a reader of one OpenVINO operator is given, and the table of all readers.

    @reads("BatchNormInference", until=4)
    def batch_norm_with_data_third(node: OpenVinoNode) -> Tensor:
        gamma, beta, x, mean, variance = node.take(5)
        return node.add(node.read(BatchNormInference), x, gamma, beta, mean, variance)

A reader reads the attributes into a dataclass, very often the operator's own class, whose fields are the
attributes that it knows: one that is unknown, missing or of another type is an error, so nothing of a model
is ignored silently.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import numpy as np

from ...errors import AttributeValueError, UnknownAttributeError, counted
from ...graph import Graph, Node, Tensor
from ...ops.common.operator import (
    NoSuchAttributeError,
    Operator,
    OperatorError,
    Shape,
    T,
    attribute_types,
    from_text,
)
from ...ops.constant import Constant
from ...simplify.edits import known_array
from .layer import OpenVinoLayer
from .operator_table import FIRST_OPSET, LAST_OPSET

Made = Tensor | list[Tensor]
Read = Callable[["OpenVinoNode"], Made]
R = TypeVar("R", bound=Read)


class Reader(NamedTuple):
    """A function that reads one operator, and the opsets it serves."""

    read: Read
    since: int
    until: int


READERS: dict[str, list[Reader]] = {}


def reads(*types: str, since: int = FIRST_OPSET, until: int = LAST_OPSET) -> Callable[[R], R]:
    """Register a function as the reader of these operators in the versions of opsets `since` to `until`."""

    def register(function: R) -> R:
        for name in types:
            READERS.setdefault(name, []).append(Reader(function, since, until))
        return function

    return register


@dataclass(frozen=True)
class Scope:
    """What the layers of one file share."""

    graph: Graph
    names: Mapping[int, str]  # id -> name of the layer it becomes
    data: np.ndarray  # the .bin
    input_shapes: Mapping[str, Shape]


class OpenVinoNode:
    """One layer of the file while it is read."""

    def __init__(self, layer: OpenVinoLayer, inputs: list[Tensor], scope: Scope) -> None:
        self.layer = layer
        self.attributes = dict(layer.attributes)
        self.name = scope.names[layer.id]
        self.inputs = inputs
        self.scope = scope
        self.made: list[Node] = []

    def take(self, number: int) -> list[Tensor]:
        """The inputs, of which there must be so many."""
        if len(self.inputs) != number:
            raise OperatorError(f"expected {counted(number, 'input')}, found {len(self.inputs)}")
        return self.inputs

    def read(self, cls: type[T], *, ignored: tuple[str, ...] = ()) -> T:
        """The attributes as an operator, or as any dataclass with a field for each. ignored: those that
        change no result.
        """
        hints = attribute_types(cls)
        text = {name.replace("-", "_"): raw for name, raw in self.attributes.items() if name not in ignored}
        try:
            return from_text(cls, {name: _canonical(hints.get(name), raw) for name, raw in text.items()})
        except NoSuchAttributeError as error:
            raise self.layer.error(UnknownAttributeError, str(error)) from None
        except OperatorError as error:
            raise self.layer.error(AttributeValueError, str(error)) from None

    def require(self, name: str, *allowed: str) -> None:
        """Take out an attribute that must have one of these values, if it is there, because the others are
        not supported.
        """
        found = self.attributes.pop(name, allowed[0])
        if found.lower() not in allowed:
            raise self.layer.error(
                AttributeValueError, f"attribute {name!r} must be {' or '.join(allowed)}, found {found!r}"
            )

    def known(self, i: int, what: str) -> np.ndarray:
        """What input i holds; an OperatorError if the model must run to find out."""
        array = known_array(self.inputs[i])
        if array is None:
            raise OperatorError(
                f"{what} must be a constant, or computed from shapes that do not depend on the batch size"
            )
        return array

    def add(self, op: Operator, *inputs: Tensor, suffix: str = "") -> Tensor:
        """Add a layer with one output. The one that makes the result has the layer's name; a step on the way
        has a suffix.
        """
        return self.add_all(op, *inputs, suffix=suffix)[0]

    def add_all(self, op: Operator, *inputs: Tensor, suffix: str = "") -> list[Tensor]:
        name = self._step_name(suffix) if suffix else self.name
        self.made.append(self.scope.graph.add(op, inputs, name))
        return self.made[-1].outputs

    def constant(self, value: Any, suffix: str, dtype: Any = np.int64) -> Tensor:
        """Add a Constant that the layer needs and the file has not."""
        return self.add(Constant(value=np.array(value, dtype)), suffix=suffix)

    def _step_name(self, suffix: str) -> str:
        return self.scope.graph.unique_name(f"{self.name}/{suffix}", self.scope.names.values())


def _canonical(hint: Any, raw: str) -> str:
    """A value as our own files spell it: OpenVINO puts blanks behind commas, some words in capitals, and 0 or
    1 for some flags.
    """
    text = raw.replace(", ", ",").lower()
    return {"1": "true", "0": "false"}.get(text, text) if hint is bool else text
