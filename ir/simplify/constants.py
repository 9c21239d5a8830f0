"""Simplify, part 1: fold operators that do not depend on the input, and remove operators that do nothing."""

import math

import numpy as np

from ..dtypes import F16, FLOATS, I8, U8
from ..errors import GraphError
from ..evaluation import evaluate, is_affordable
from ..graph import Graph, Node, Tensor
from ..ops.constant import Constant
from ..ops.convert import Convert
from ..ops.reshape import Reshape
from .edits import known_array

SMALL = (F16, I8, U8)  # types in which weights are stored to save space
# elements; a Constant larger than this and than what it is made of costs more than computing it
MAX_GROWTH = 2**20

#: Layers that move or repeat elements: if the shape stays, so do the elements.
SAME_IF_SHAPE_STAYS = frozenset("Reshape Flatten Squeeze Unsqueeze Broadcast Tile Pad".split())


# ---- constants ---------------------------------------------------------------------------------------------


def fold_constants(graph: Graph) -> list[str]:
    """Replace by Constants the layers that read only Constants, and the tensors that shape inference knows.

    Weights stored small and computed from (f16 or int8 -> Convert -> Multiply, or FakeQuantize) stay as they
    are stored.
    """
    done = []
    stored: set[Tensor] = set()
    for node in graph.topological_order():
        if node.type in ("Constant", "Parameter", "Result"):
            continue
        if _unpacks_weights(node, stored):
            stored.update(node.outputs)
        elif (values := _values(node)) is not None:
            replace_by_constants(graph, node, values)
            done.append(f"{node.name!r} ({node.type}) computed: it depends on no input")
    return done


def unpack_halves(graph: Graph) -> None:
    """Replace constants that are stored as f16 and converted by what they are converted to: biases, scales,
    float weights.
    """
    for node in graph.of_type("Convert"):
        if node.inputs[0].dtype == F16 and (stored := node.inputs[0].constant) is not None:
            replace_by_constants(graph, node, [stored])


def _unpacks_weights(node: Node, stored: set[Tensor]) -> bool:
    """Whether a layer is part of the way from stored weights to the numbers they stand for."""
    data = node.inputs[0]
    if any(t not in stored and t.constant is None for t in node.inputs):
        return False
    starts = isinstance(node.op, Convert) and data.dtype in SMALL and node.op.destination_type in FLOATS
    return starts or node.type == "FakeQuantize" or any(t in stored for t in node.inputs)


def _values(node: Node) -> list[np.ndarray] | None:
    """What a layer makes, if that does not depend on the input."""
    known = [known_array(t) for t in node.outputs]
    if all(value is not None for value in known):
        return [value for value in known if value is not None]
    arrays = [t.constant for t in node.inputs]
    given = sum(a.size for a in arrays if a is not None)
    made = sum(math.prod(t.known[0].shape) for t in node.outputs)
    if made > max(given, MAX_GROWTH):
        return None
    present = [a for a in arrays if a is not None]
    if len(present) < len(arrays) or not is_affordable(
        node.op, [a.shape for a in present], [t.known[0].shape for t in node.outputs]
    ):
        return None
    try:
        return evaluate(node, present)
    except GraphError:  # an index out of range, say: the layer will say so if it is ever run
        return None


def replace_by_constants(graph: Graph, node: Node, values: list[np.ndarray]) -> None:
    """Constants under the names of the tensors they replace."""
    names = [t.name for t in node.outputs]
    constants = [
        graph.add(Constant(value=np.array(v, t.dtype, order="C")))
        for t, v in zip(node.outputs, values, strict=True)
    ]
    for tensor, constant in zip(node.outputs, constants, strict=True):
        graph.redirect(tensor, constant.output)
    graph.remove(node)
    for constant, name in zip(constants, names, strict=True):
        graph.rename(constant, graph.unique_name(name))


def fix_reshape_patterns(graph: Graph) -> list[str]:
    """A Reshape to a shape computed from its input's needs no arithmetic, if the batch size decides one
    dimension only.
    """
    done = []
    for node in graph.of_type("Reshape"):
        shape = node.output.shape
        if node.inputs[1].constant is None and shape.count(-1) <= 1 and 0 not in shape:
            graph.set_input(
                node, 1, graph.constant(np.array(shape, np.int64), graph.unique_name(f"{node.name}/pattern"))
            )
            graph.replace_op(node, Reshape())
            done.append(f"{node.name!r} (Reshape) given the constant shape {list(shape)}")
    return done


# ---- no-ops ------------------------------------------------------------------------------------------------


def remove_no_ops(graph: Graph) -> list[str]:
    """Take out the layers that return their input."""
    done = []
    for node in graph.topological_order():
        if node.type != "Constant" and node.inputs and _does_nothing(node):
            graph.redirect(node.output, node.inputs[0])
            graph.remove(node)
            done.append(f"{node.name!r} ({node.type}) removed: it changes nothing")
    return done


def _does_nothing(node: Node) -> bool:
    if node.type in SAME_IF_SHAPE_STAYS:
        return all(a.shape == b.shape for a, b in zip(node.inputs[0].known, node.output.known, strict=True))
    if node.type == "Transpose":
        order = node.inputs[1].constant
        return order is not None and order.tolist() == list(range(len(node.inputs[0].shape)))
    if node.type == "Convert":
        return node.output.dtype == node.inputs[0].dtype
    return node.type == "Concat" and len(node.inputs) == 1
