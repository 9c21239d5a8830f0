"""Evaluate a layer by its NumPy definition. Memory is counted before it is allocated, and errors name the
layer.
"""

import math
from collections.abc import Sequence

import numpy as np

from . import memory
from .errors import GraphError
from .graph import Node
from .ops.common.operator import Operator, OperatorError, Shape
from .shape_inference import Known, infer

MOST_OPERATIONS = 2**31  # of one reading, beyond a few for each element: a second or two

#: What NumPy raises where an operator's inputs have no meaning for it, or its output has no room.
FAULTS = (ValueError, IndexError, TypeError, ArithmeticError, MemoryError)


@np.errstate(all="ignore")  # the logarithm of a negative number is NaN, not a message
def evaluate(node: Node, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The outputs of a node for these inputs. Raises GraphError that names the layer, MemoryLimitError before
    anything is taken.
    """
    try:
        known = infer(
            node.op,
            [
                Known(a.dtype, a.shape, a if port in node.op.value_ports else None)
                for port, a in enumerate(arrays)
            ],
        )
        memory.take(bytes_needed(node.op, [a.shape for a in arrays], known), describe(node, known))
        outputs = node.op.evaluate(*arrays)
        # 0-d results may be scalars
        return [np.asarray(y) for y in (outputs if isinstance(outputs, list) else [outputs])]
    except FAULTS as error:
        shapes = ", ".join(str(list(x.shape)) for x in arrays)
        what = (
            str(error)
            if isinstance(error, OperatorError)
            else f"cannot take inputs of shapes {shapes} ({error})"
        )
        raise GraphError(f"layer {node.name!r} ({node.type}): {what}") from error


def is_affordable(op: Operator, inputs: list[Shape], outputs: list[Shape]) -> bool:
    """Whether reading a model may compute this; if so it is counted. What a large file holds may take as long
    as it is large.
    """
    held = sum(map(math.prod, inputs + outputs))
    beyond = op.operations(inputs, outputs) + op.workspace(inputs, outputs) - 8 * held
    return beyond <= 0 or memory.spend(beyond, MOST_OPERATIONS)


def bytes_needed(op: Operator, inputs: list[Shape], outputs: Sequence[Known]) -> int:
    """Return about how many bytes an evaluation needs, intermediate arrays included."""
    widest = max((k.dtype.itemsize for k in outputs), default=1)
    made = sum(math.prod(k.shape) * k.dtype.itemsize for k in outputs)
    return made + op.workspace(inputs, [k.shape for k in outputs]) * max(widest, 4)


def describe(node: Node, outputs: Sequence[Known]) -> str:
    """For a message: the layer, and the shapes that it makes."""
    shapes = ", ".join(str(list(k.shape)) for k in outputs)
    return f"layer {node.name!r} ({node.type}), which makes {shapes},"
