"""Cut a part out of a graph: the operators between given tensors become a graph of their own."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from numpot.ir.graph import Graph, Node, Tensor
from numpot.ir.ops.parameter import Parameter
from numpot.ir.ops.result import Result


def ancestors(nodes: Iterable[Node], stop: Collection[Node] = ()) -> set[Node]:
    """The nodes and all that they depend on, without those in `stop` and what only these depend on."""
    found: set[Node] = set()
    todo = list(nodes)
    while todo:
        node = todo.pop()
        if node not in found and node not in stop:
            found.add(node)
            todo += [t.producer for t in node.inputs]
    return found


def cut(graph: Graph, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> Graph:
    """A graph that computes `outputs` from `inputs`: one Parameter and one Result each, in their order;
    operators are shared.

    A Parameter has the name of its tensor. Of an input's shape only the first dimension may depend on the
    batch (see `with_batch`).
    """
    part = Graph(graph.name)
    tensors: dict[Tensor, Tensor] = {}
    for t in inputs:
        tensors[t] = part.add(Parameter(element_type=t.dtype, shape=t.shape), name=t.name).output
    needed = ancestors([t.producer for t in outputs if t not in tensors], stop={t.producer for t in inputs})
    for node in graph.topological_order():
        if node in needed and node.type != "Parameter":
            twin = part.add(node.op, [tensors[t] for t in node.inputs], node.name)
            tensors.update(zip(node.outputs, twin.outputs, strict=True))
    for t in outputs:
        part.add(Result(), [tensors[t]], part.unique_name(f"{t.name}/result"))
    return part


def with_batch(graph: Graph, batch: int) -> Graph:
    """A copy whose free batch dimension is fixed, so that the shape of every tensor is known."""
    twin = graph.copy()
    for node in twin.inputs:
        op = node.op
        assert isinstance(op, Parameter)
        if op.shape and op.shape[0] == -1:
            twin.replace_op(node, replace(op, shape=(batch, *op.shape[1:])))
    twin.infer()
    return twin
