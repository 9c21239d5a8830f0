"""An operator's definition, applied to arrays: what goes wrong says where."""

import numpy as np

from .errors import GraphError
from .graph import Node
from .ops.registry import OperatorError

#: What NumPy raises where an operator's inputs have no meaning for it, or its output has no room.
FAULTS = (ValueError, IndexError, TypeError, ArithmeticError, MemoryError)


@np.errstate(all="ignore")  # the logarithm of a negative number is NaN, not a message
def evaluate(node: Node, arrays: list[np.ndarray]) -> list[np.ndarray]:
    """The outputs of a node for these inputs. Raises GraphError that names the layer."""
    try:
        outputs = node.op.evaluate(*arrays)
        return [np.asarray(y) for y in (outputs if isinstance(outputs, list) else [outputs])]  # 0-d results may be scalars
    except FAULTS as error:
        what = str(error) if isinstance(error, OperatorError) else f"cannot take inputs of shapes {_shapes(arrays)} ({error})"
        raise GraphError(f"layer {node.name!r} ({node.type}): {what}") from error


def _shapes(arrays: list[np.ndarray]) -> str:
    return ", ".join(str(list(x.shape)) for x in arrays)
