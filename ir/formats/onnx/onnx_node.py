"""What a reader of one ONNX operator is given, and the table of all readers.

    @reads("LeakyRelu")
    def leaky_relu(node: OnnxNode) -> Tensor:
        return node.add(LeakyReLU(alpha=node.attribute("alpha", 0.01)), node.input(0))

A reader asks for the attributes and inputs it understands, adds layers to the graph, and returns the tensor
(or tensors) the node makes. An attribute that no reader asks for is an error: nothing of a model is ignored
silently.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count, islice
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np
from onnx import AttributeProto, NodeProto, helper

from ...dtypes import DType
from ...evaluation import evaluate, is_affordable
from ...graph import Graph, Node, Tensor
from ...ops import OPERATORS
from ...ops.common.operator import Operator, Shape, nearest
from ...ops.reshape import Reshape
from ...simplify.edits import known_array
from ..common.opset_table import find_served
from .errors import OnnxError
from .external_data import ExternalFiles

FIRST_OPSET, LAST_OPSET = 9, 26
INFO = "numpot.info"  # the metadata that holds what a graph says of how it was made, as JSON


class Codes(Protocol):
    """Quantized numbers that wait to be asked whether they are wanted as integers or as the real numbers they
    stand for (quantized_tensors.py).
    """

    def integers(self) -> Tensor: ...

    def real(self) -> Tensor | None:
        """None if no FakeQuantize can stand for them."""

    def moved(self, real: Tensor) -> "Codes":
        """The codes of a tensor that holds some of the same numbers in another order."""


Made = Tensor | Codes | Sequence[Tensor | Codes]
Read = Callable[["OnnxNode"], Made]
R = TypeVar("R", bound=Read)

#: ONNX operators through which codes pass as well as real numbers: Identity, and those that are read as the
#: operator of the same name, if it computes the same on codes. Not those with several data inputs or outputs,
#: because codes are followed from input 0 to one output; nor ReduceMax and ReduceMin, which take their codes
#: as integers: the result is the same.
_NOT_FOLLOWED = {"Concat", "Split", "ReduceMax", "ReduceMin"}
ON_CODES = frozenset(
    {name for name, op in OPERATORS.items() if op.computes_on_codes} - _NOT_FOLLOWED | {"Identity"}
)


class Reader(NamedTuple):
    """A function that reads one operator, the opsets it serves, and the attributes that change nothing at
    inference.
    """

    read: Read
    since: int
    until: int
    ignored: tuple[str, ...]


READERS: dict[str, list[Reader]] = {}


def reads(
    *types: str, since: int = FIRST_OPSET, until: int = LAST_OPSET, ignored: tuple[str, ...] = ()
) -> Callable[[R], R]:
    """Register a function as the reader of these ONNX operators in models of opsets `since` to `until`."""

    def register(function: R) -> R:
        for name in types:
            READERS.setdefault(name, []).append(Reader(function, since, until, ignored))
        return function

    return register


@dataclass
class Scope:
    """The state of reading one model: the graph so far, and what every tensor name of the file stands for."""

    graph: Graph
    opset: int
    files: ExternalFiles
    arrays: dict[str, np.ndarray]  # initializers; each becomes a Constant when a node first reads it
    output_names: set[str]  # kept for the Results
    node_names: set[str]  # kept for the nodes that have them
    tensors: dict[str, Tensor] = field(default_factory=dict)
    codes: dict[str, Codes] = field(default_factory=dict)
    # outputs of nodes that no reader gives, such as Dropout's mask
    not_made: dict[str, str] = field(default_factory=dict)
    tried: dict[str, int] = field(default_factory=dict)  # name -> the number behind it that was free last
    # whether a layer depends on no input of the model
    constant: dict[Node, bool] = field(default_factory=dict)

    def knows(self, name: str) -> bool:
        """Whether something in the file has made a tensor of this name."""
        return any(name in made for made in (self.tensors, self.arrays, self.codes, self.not_made))

    def tensor(self, name: str) -> Tensor:
        if name not in self.tensors and name in self.arrays:
            self.tensors[name] = self.graph.constant(self.arrays[name], self.unused_name(name))
        if name not in self.tensors and name in self.codes:
            self.tensors[name] = self.codes[name].integers()
        if name in self.not_made:
            raise OnnxError(f"tensor {name!r}, {self.not_made[name]}, is not supported")
        if name not in self.tensors:
            raise OnnxError(f"tensor {name!r} is read before any node makes it" + nearest(name, self.tensors))
        return self.tensors[name]

    def fold(self, tensor: Tensor) -> np.ndarray | None:
        """What a tensor holds, of any size, if no input of the model has a part in it."""
        for node in islice(self.graph, len(self.constant), None):  # layers stand behind those they read
            self.constant[node] = node.type != "Parameter" and all(
                self.constant[t.producer] for t in node.inputs
            )
        if not self.constant[tensor.producer]:
            return None
        if tensor.constant is not None:
            return tensor.constant
        arrays = [a for t in tensor.producer.inputs if (a := self.fold(t)) is not None]
        node = tensor.producer
        if not is_affordable(node.op, [a.shape for a in arrays], [t.known[0].shape for t in node.outputs]):
            raise OnnxError(f"what {tensor.name!r} holds depends on no input, but takes too long to compute")
        return np.asarray(evaluate(node, arrays)[tensor.index], tensor.dtype)

    def unused_name(self, base: str) -> str:
        """`base`, or `base_1`, `base_2`, ...: the first that no layer has or is going to have."""
        if self._is_free(base):
            return base
        for k in count(self.tried.get(base, 1)):
            if self._is_free(f"{base}_{k}"):
                self.tried[base] = (
                    # so that the next does not ask for all these again; it asks for this one, which may not
                    # be used
                    k
                )
                return f"{base}_{k}"
        raise AssertionError("there is always another number")

    def _is_free(self, name: str) -> bool:
        return name not in self.graph.nodes and name not in self.output_names and name not in self.node_names

    def name_of(self, node: NodeProto) -> str:
        """The name of the layer a node becomes: its own, or its first output's. Then nobody else gets it."""
        self.node_names.discard(node.name)
        name = self.unused_name(node.name or next((o for o in node.output if o), node.op_type))
        self.node_names.add(name)
        return name


class OnnxNode:
    """One node of the file while it is read."""

    def __init__(self, proto: NodeProto, scope: Scope) -> None:
        self.proto = proto
        self.scope = scope
        self.name = scope.name_of(proto)
        self.opset = scope.opset
        self._attributes = {a.name: a for a in proto.attribute}
        self._asked: list[str] = []  # attributes that the reader knows
        self._real: Tensor | None = None  # what stands for input 0 where codes pass through

    @property
    def type(self) -> str:
        return self.proto.op_type

    def read(self) -> list[Tensor | Codes]:
        """What the node makes, by the reader registered for its operator and the model's opset."""
        reader = find_reader(self.proto, self.opset)
        codes = self._codes_to_move()
        made = reader.read(self)
        unread = sorted(set(self._attributes) - set(reader.ignored))
        if unread:
            raise OnnxError(
                f"attribute {unread[0]!r} is not supported at opset {self.opset}"
                + nearest(unread[0], self._asked)
            )
        if codes is not None and isinstance(made, Tensor):
            return [codes.moved(made)]
        return list(made) if isinstance(made, Sequence) else [made]

    def _codes_to_move(self) -> Codes | None:
        """The codes that pass through this node, if it can as well pass the real numbers; input 0 then is
        these.
        """
        codes = (
            self.scope.codes.get(self.proto.input[0]) if self.type in ON_CODES and self.proto.input else None
        )
        self._real = codes.real() if codes is not None else None
        return codes if self._real is not None else None

    # ---- what the file says --------------------------------------------------------------------------------

    def attribute(self, name: str, default: Any = None) -> Any:
        """The value of an attribute, `default` if the node has none. Integers as int or tuple, strings as
        str.
        """
        self._asked.append(name)
        proto = self._attributes.pop(name, None)
        return default if proto is None else _python_value(proto)

    def choice(self, name: str, default: str, choices: dict[str, Any]) -> Any:
        """What a string attribute selects from `choices`."""
        value = self.attribute(name, default)
        if value not in choices:
            raise OnnxError(
                f"{name} must be one of {', '.join(choices)}, found {value!r}" + nearest(str(value), choices)
            )
        return choices[value]

    def __len__(self) -> int:
        return len(self.proto.input)

    def has(self, i: int) -> bool:
        """Whether input i is there; an optional one may be left out or named ''."""
        return i < len(self) and self.proto.input[i] != ""

    def input(self, i: int) -> Tensor:
        if not self.has(i):
            raise OnnxError(f"input {i} is missing")
        if i == 0 and self._real is not None:
            return self._real
        return self.scope.tensor(self.proto.input[i])

    def inputs(self) -> list[Tensor]:
        return [self.input(i) for i in range(len(self))]

    def shape(self, i: int) -> Shape:
        array = self.array(i)
        return self.input(i).shape if array is None else array.shape

    def dtype(self, i: int) -> DType:
        array = self.array(i)
        return self.input(i).dtype if array is None else array.dtype

    def array(self, i: int) -> np.ndarray | None:
        """What input i holds, if that is known before the model runs and does not depend on the
        batch size.
        """
        name = self.proto.input[i]
        if name in self.scope.arrays:
            return self.scope.arrays[name]
        known = known_array(self.input(i))
        return self.scope.fold(self.input(i)) if known is None else known

    def known(self, i: int) -> np.ndarray:
        """What input i holds; an OnnxError if the model must run to find out."""
        array = self.array(i) if self.has(i) else None
        if array is None:
            raise OnnxError(
                f"input {i} must be a constant, or computed from shapes that do not depend on the batch size"
            )
        return array

    def integers(self, i: int) -> tuple[int, ...]:
        return tuple(int(v) for v in self.known(i).ravel())

    # ---- what it becomes -----------------------------------------------------------------------------------

    def add(self, op: Operator, *inputs: Tensor, suffix: str = "") -> Tensor:
        """Add a layer with one output. The one that makes the node's result has its name; a step on the way
        has a suffix.
        """
        return self.add_all(op, *inputs, suffix=suffix)[0]

    def add_all(self, op: Operator, *inputs: Tensor, suffix: str = "") -> list[Tensor]:
        name = self.scope.unused_name(f"{self.name}/{suffix}") if suffix else self.name
        return self.scope.graph.add(op, inputs, name).outputs

    def constant(self, value: Any, suffix: str, dtype: Any = np.int64) -> Tensor:
        """Add a Constant that the node needs and the file has no name for."""
        return self.scope.graph.constant(
            np.array(value, dtype), self.scope.unused_name(f"{self.name}/{suffix}")
        )

    def constant_input(self, i: int, value: np.ndarray) -> Tensor:
        """Add a Constant that is input i in another form; named as the input."""
        return self.scope.graph.constant(value, self.scope.unused_name(self.proto.input[i]))

    def reshaped(self, i: int, pattern: tuple[int, ...]) -> Tensor:
        """Input i in another shape: a constant is reshaped at once, anything else when the model runs."""
        array = self.array(i)
        if array is not None:
            return self.constant_input(i, array.reshape(pattern))
        return self.add(Reshape(), self.input(i), self.constant(pattern, "pattern"), suffix="reshaped")


def find_reader(node: NodeProto, opset: int) -> Reader:
    """The reader of a node. Raises OnnxError or OperatorError for an operator that has none."""
    if node.domain not in ("", "ai.onnx"):
        raise OnnxError(
            f"operators of domain {node.domain!r} are not known; export the model with standard "
            "operators only"
        )
    return find_served(READERS, node.op_type, opset)


def _python_value(proto: AttributeProto) -> Any:
    value = helper.get_attribute_value(proto)
    if proto.type == AttributeProto.FLOAT:
        # 0.01, not 0.009999999776482582: the shortest number with the same float32
        return float(str(np.float32(value)))
    if proto.type == AttributeProto.STRING:
        return value.decode("utf-8", "replace")
    return tuple(value) if proto.type in (AttributeProto.INTS, AttributeProto.FLOATS) else value
