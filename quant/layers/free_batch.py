"""Make the fixed batch of a model dynamic, so that several samples per run can be calibrated, which is
faster.

Only where it is certain that no sample sees another: every operator has the trait `keeps_to_a_sample`, and
every tensor that depends on the input keeps its shape but for the first dimension. What would mix samples (a
Transpose that moves the batch, a Reshape across it, a reduction over it) changes a shape, and the model then
runs sample by sample.
"""

from numpot.ir.errors import GraphError
from numpot.ir.graph import Graph, Node
from numpot.ir.inputs import reshape_inputs


def with_free_batch(graph: Graph) -> Graph:
    """A copy with a free batch, its nodes named as before; the graph itself if its batch is not 1, or must
    stay so.
    """
    if any(node.output.shape[:1] != (1,) for node in graph.inputs):
        return graph
    twin = graph.copy()
    try:
        reshape_inputs(twin, {node.name: (-1, *node.output.shape[1:]) for node in twin.inputs})
    except GraphError:
        return graph
    return (
        twin
        if all(_keeps_samples_apart(node, twin.nodes[node.name]) for node in _behind_inputs(graph))
        else graph
    )


def _behind_inputs(graph: Graph) -> list[Node]:
    """The inputs and what depends on them; not the arithmetic that makes constant weights of integers."""
    found: dict[Node, None] = {}
    for node in graph.topological_order():
        if node.type == "Parameter" or any(t.producer in found for t in node.inputs):
            found[node] = None
    return list(found)


def _keeps_samples_apart(node: Node, twin: Node) -> bool:
    """twin: the node where the batch is free."""
    if any(b.shape != (-1, *a.shape[1:]) for a, b in zip(node.outputs, twin.outputs, strict=True)):
        return False
    axis = getattr(node.op, "axis", None)
    return node.op.keeps_to_a_sample and (axis is None or axis % len(twin.inputs[0].shape) != 0)
