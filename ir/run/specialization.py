"""Specialize a graph to given input shapes: every size is inferred for exactly these shapes, never guessed
from others.
"""

from collections.abc import Mapping

from ..errors import GraphError
from ..graph import Graph, Node, Tensor
from ..ops.common.operator import OperatorError, Shape
from ..ops.parameter import Parameter
from ..shape_inference import Known, infer

Shapes = tuple[Shape, ...]  # of a model's inputs, in its order


def specialize(graph: Graph, shapes: Shapes) -> Graph:
    """A copy in which every dimension is a number. Raises GraphError that names the layer which cannot take
    inputs of these shapes.

    What depends on shapes only, a ShapeOf and all behind it, has a value in the copy (`Known.value`).
    """
    twin = graph.copy()
    given = dict(zip((p.name for p in graph.inputs), shapes, strict=True))
    differs: set[Tensor] = set()  # from what is known of the graph for any inputs
    for node in twin.topological_order():
        if isinstance(node.op, Parameter) or not differs.isdisjoint(node.inputs):
            differs.update(node.outputs)
            known = _known(node, given)
        else:
            known = [t.known[0] for t in node.outputs]
        for tensor, only in zip(node.outputs, known, strict=True):
            tensor.known = (only,)
    return twin


def same_tensors(graph: Graph, twin: Graph) -> dict[Tensor, Tensor]:
    """Tensor of a graph -> the one in a copy of it."""
    return {tensor: twin.nodes[node.name].outputs[tensor.index] for node in graph for tensor in node.outputs}


def _known(node: Node, given: Mapping[str, Shape]) -> list[Known]:
    if isinstance(node.op, Parameter):
        return [Known(node.op.element_type, given[node.name])]
    try:
        return infer(node.op, [t.known[0] for t in node.inputs])
    except OperatorError as error:
        shapes = ", ".join(f"{name} {list(shape)}" for name, shape in given.items())
        raise GraphError(f"layer {node.name!r} ({node.type}), for inputs {shapes}: {error}") from error
