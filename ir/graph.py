"""Graph, Node, Tensor: what a model is, and the few verbs that edit it.

    graph = Graph("tiny")
    x = graph.add(Parameter(element_type=F32, shape=(-1, 3)), name="x")
    y = graph.add(ReLU(), [x.output], name="relu")
    graph.add(Result(), [y.output], name="y")

Edges are references: `node.inputs` holds the tensors it reads, `tensor.producer` the node that makes it and
`tensor.consumers` the places that read it. Verbs keep the three in agreement; nobody else writes them.
"""

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any, Final, NamedTuple

import numpy as np

from .display.html_table import html_table
from .display.shapes import shape_and_type
from .dtypes import DType
from .errors import GraphError, one_line
from .ops.common.operator import Operator, OperatorError, Shape
from .ops.constant import Constant
from .ops.parameter import Parameter
from .shape_inference import PROBE_BATCHES, Known, fix_batch, infer_probes, merge

QUANTIZED: Final = ("FakeQuantize", "Quantize", "Dequantize")  # and the layers named ...Integer
MOST_NAMED: Final = 4  # inputs, or outputs, of a layer in a line


class Use(NamedTuple):
    """One place that reads a tensor: input `port` of `node`."""

    node: "Node"
    port: int


@dataclass(eq=False)
class Tensor:
    """One output of a node: what flows along the edges that leave it."""

    producer: "Node"
    index: int
    known: tuple[Known, ...]  # one per probe batch size, see shape_inference.py
    consumers: list[Use] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The producer's name, with `:index` when it has several outputs."""
        return self.producer.name if len(self.producer.outputs) == 1 else f"{self.producer.name}:{self.index}"

    @property
    def dtype(self) -> DType:
        return self.known[0].dtype

    @property
    def shape(self) -> Shape:
        """Dimensions; -1 where the batch size decides."""
        return merge(self.known)

    @property
    def constant(self) -> np.ndarray | None:
        """The array, if a Constant makes this tensor; else None."""
        return self.producer.op.value if isinstance(self.producer.op, Constant) else None

    def __repr__(self) -> str:
        """Tensor 'conv1': [-1,16,14,14] f32, made by Convolution, read 2 times"""
        times = {1: "once"}.get(len(self.consumers), f"{len(self.consumers)} times")
        return one_line(f"Tensor {self.name!r}: {self._form}, made by {self.producer.type}, read {times}")

    @property
    def _form(self) -> str:
        return shape_and_type(self.shape, self.dtype)


@dataclass(eq=False)
class Node:
    """A layer: an operator with its attributes, the tensors it reads and the tensors it makes."""

    name: str
    op: Operator
    inputs: list[Tensor]
    outputs: list[Tensor] = field(default_factory=list)

    @property
    def type(self) -> str:
        return self.op.type

    @property
    def output(self) -> Tensor:
        """The one output of a node that has one."""
        (tensor,) = self.outputs
        return tensor

    def __repr__(self) -> str:
        """Node 'conv1' (Convolution): x, conv1/weights -> [-1,16,14,14] f32"""
        more = f", and {len(self.inputs) - MOST_NAMED} more" if len(self.inputs) > MOST_NAMED else ""
        read = ", ".join(t.name for t in self.inputs[:MOST_NAMED]) + more
        made = ", ".join(t._form for t in self.outputs[:MOST_NAMED])
        return one_line(
            f"Node {self.name!r} ({self.type}): {' -> '.join(side for side in (read, made) if side)}"
        )


class Graph:
    """A model: nodes by name, in the order they were added, and `info`, what its file says of how it was
    made.
    """

    def __init__(self, name: str, info: dict[str, object] | None = None) -> None:
        if not isinstance(name, str) or not isinstance(info, dict | None):
            raise GraphError(
                f"Graph(name, info) needs text and a dictionary, found a {type(name).__name__} and a "
                f"{type(info).__name__}"
            )
        self.name = name
        self.nodes: dict[str, Node] = {}
        self.info: dict[str, object] = info or {}

    def __repr__(self) -> str:
        """Graph 'mobilenet': 66 layers, x [-1,1,28,28] f32 -> logits [-1,10] f32, int8"""
        inputs, outputs = (
            ", ".join(f"{n.name} {t._form}" for n in ends for t in n.outputs)
            for ends in (self.inputs, self.outputs)
        )
        layers = sum(n.type != "Constant" for n in self)
        kind = ", int8" if any(n.type in QUANTIZED or n.type.endswith("Integer") for n in self) else ""
        edges = f"{inputs or 'no input'} -> {outputs or 'no output'}"
        return one_line(f"Graph {self.name!r}: {layers} layer{'s' * (layers != 1)}, {edges}{kind}")

    def _repr_html_(self) -> str:
        """The layers as a table, for notebooks."""
        layers = [n for n in self if n.type != "Constant"]
        head = ("layer", "type", "output", "constants")
        rows = [
            (
                n.name,
                n.type,
                " ".join(t._form for t in n.outputs),
                f"{sum(t.constant.size for t in n.inputs if t.constant is not None):,}",
            )
            for n in layers
        ]
        return html_table(repr(self), head, rows, "numpot inspect MODEL lists them all")

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes.values())

    def __len__(self) -> int:
        return len(self.nodes)

    @property
    def inputs(self) -> list[Node]:
        """The Parameter nodes, in the order they were added."""
        return self.of_type("Parameter")

    @property
    def outputs(self) -> list[Node]:
        """The Result nodes, in the order they were added."""
        return self.of_type("Result")

    def of_type(self, *types: str) -> list[Node]:
        """Return the nodes whose operator is one of these, such as "Convolution", in the order they were
        added.
        """
        return [n for n in self if n.type in types]

    # ---- edit verbs ----------------------------------------------------------------------------------------

    def add(self, op: Operator, inputs: Iterable[Tensor] = (), name: str | None = None) -> Node:
        """Append a node. Raises GraphError if the name is taken or the inputs do not fit the operator."""
        if name is None:
            name = self.unique_name(op.type)
        if name in self.nodes:
            raise GraphError(f"layer name {name!r} is used twice")
        node = Node(name, op, list(inputs))
        node.outputs = [Tensor(node, i, known) for i, known in enumerate(_infer_probes(node))]
        for port, tensor in enumerate(node.inputs):
            tensor.consumers.append(Use(node, port))
        self.nodes[name] = node
        return node

    def constant(self, value: np.ndarray, name: str | None = None) -> Tensor:
        """Append a Constant holding `value`; returns its tensor."""
        return self.add(Constant(value=value), name=name).output

    def set_input(self, node: Node, port: int, tensor: Tensor) -> None:
        """Make `node` read `tensor` at `port`. If that changes a shape or type, call `infer()` when the edit
        is complete.
        """
        node.inputs[port].consumers.remove(Use(node, port))
        node.inputs[port] = tensor
        tensor.consumers.append(Use(node, port))

    def redirect(self, old: Tensor, new: Tensor, *, but: Sequence[Node] = ()) -> None:
        """Make every consumer of `old` read `new` instead, except the nodes in `but`."""
        for use in list(old.consumers):
            if use.node not in but:
                self.set_input(use.node, use.port, new)

    def replace_op(self, node: Node, op: Operator) -> None:
        """Give a node other attributes, keeping its name and edges."""
        node.op = op
        for tensor, known in zip(node.outputs, _infer_probes(node), strict=True):
            tensor.known = known

    def remove(self, node: Node) -> None:
        """Remove a node whose outputs no node reads."""
        readers = [use.node.name for t in node.outputs for use in t.consumers]
        if readers:
            raise GraphError(f"layer {node.name!r} cannot be removed: {readers[0]!r} reads it")
        for port, tensor in enumerate(node.inputs):
            tensor.consumers.remove(Use(node, port))
        del self.nodes[node.name]

    def rename(self, node: Node, name: str) -> None:
        """Give a node another name, keeping its place in the order. The time is that of those behind it, and
        a new node is the last.
        """
        if name != node.name and name in self.nodes:
            raise GraphError(f"layer name {name!r} is used twice")
        behind = list(takewhile(lambda key: key != node.name, reversed(self.nodes)))
        del self.nodes[node.name]
        node.name = name
        self.nodes[name] = node
        for key in reversed(behind):
            self.nodes[key] = self.nodes.pop(key)

    def prune(self) -> list[str]:
        """Remove the nodes that no Result needs (model inputs stay); returns their names."""
        live: set[Node] = set()
        todo = list(self.outputs)
        while todo:
            node = todo.pop()
            if node not in live:
                live.add(node)
                todo += [t.producer for t in node.inputs]
        dead = [n for n in reversed(self.topological_order()) if n not in live and n.type != "Parameter"]
        for node in dead:
            self.remove(node)
        return [n.name for n in dead]

    # ---- questions -----------------------------------------------------------------------------------------

    def unique_name(self, base: str, reserved: Container[str] = ()) -> str:
        """Return `base` if it is free, else `base_1`, `base_2`, ...; never one of the reserved names."""
        name, k = base, 0
        while name in self.nodes or name in reserved:
            k += 1
            name = f"{base}_{k}"
        return name

    def topological_order(self) -> list[Node]:
        """Return the nodes, each after those that it reads, otherwise in the order they were added. A cycle
        is a GraphError that names it.
        """
        order: list[Node] = []
        done: set[Node] = set()
        for start in self:
            # node -> next input to visit; a stack, in order
            path: dict[Node, int] = {start: 0} if start not in done else {}
            while path:
                node, port = next(reversed(path.items()))
                if port < len(node.inputs):
                    path[node] = port + 1
                    producer = node.inputs[port].producer
                    if producer in path:
                        names = [n.name for n in path]
                        raise GraphError(
                            "the graph has a cycle: "
                            + " -> ".join([*names[names.index(producer.name) :], producer.name])
                        )
                    if producer not in done:
                        path[producer] = 0
                else:
                    del path[node]
                    done.add(node)
                    order.append(node)
        return order

    def infer(self) -> None:
        """Infer every shape and type again, after edits that changed one."""
        for node in self.topological_order():
            for tensor, known in zip(node.outputs, _infer_probes(node), strict=True):
                tensor.known = known

    def copy(self) -> "Graph":
        """Return an independent graph with the same operators and arrays (neither is modified in place)."""
        twin = Graph(self.name)
        twin.__setstate__(self.__getstate__())
        return twin

    def __getstate__(self) -> dict[str, Any]:
        """The graph as plain lists, for `copy`, and for pickle, which would follow edges one inside the
        other.
        """
        order = self.topological_order()
        place = {
            tensor: (number, tensor.index) for number, node in enumerate(order) for tensor in node.outputs
        }
        layers = [(n.name, n.op, [place[t] for t in n.inputs], [t.known for t in n.outputs]) for n in order]
        return {"name": self.name, "info": dict(self.info), "layers": layers, "order": list(self.nodes)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.name, self.info = state["name"], state["info"]
        made: list[Node] = []
        for name, op, inputs, outputs in state["layers"]:
            node = Node(name, op, [made[number].outputs[index] for number, index in inputs])
            node.outputs = [Tensor(node, index, known) for index, known in enumerate(outputs)]
            for port, tensor in enumerate(node.inputs):
                tensor.consumers.append(Use(node, port))
            made.append(node)
        by_name = {node.name: node for node in made}
        self.nodes = {name: by_name[name] for name in state["order"]}


def _infer_probes(node: Node) -> list[tuple[Known, ...]]:
    """For each output of a node, what is known at every probe batch size."""
    try:
        if isinstance(node.op, Parameter):
            dtype, shape = node.op.element_type, node.op.shape
            if any(d == -1 for d in shape[1:]) or any(d < -1 for d in shape):
                raise OperatorError(f"shape {list(shape)}: only the first dimension, the batch, may be -1")
            return [tuple(Known(dtype, fix_batch(shape, batch)) for batch in PROBE_BATCHES)]
        return infer_probes(node.op, [t.known for t in node.inputs])
    except OperatorError as error:
        raise GraphError(f"layer {node.name!r} ({node.type}): {error}") from error
