"""Read one node of an ONNX file into the graph, with errors that name the node."""

from collections import Counter

from onnx import NodeProto

from ...errors import GraphError, NumpotError
from ...graph import Tensor
from ...ops.common.operator import OperatorError
from .errors import OnnxError
from .onnx_node import OnnxNode, Scope


def read_node(proto: NodeProto, scope: Scope) -> None:
    named = repr(proto.name) if proto.name else "that makes " + ", ".join(repr(o) for o in proto.output)
    names = [name for name in proto.output if name]
    for name, number in Counter(names).items():
        if number > 1 or scope.knows(name):
            raise OnnxError(
                f"node {named} ({proto.op_type}): tensor {name!r} is there already; every tensor must "
                "have a name of its own"
            )
    try:
        made = OnnxNode(proto, scope).read()
    except (NumpotError, OperatorError) as error:
        # without the layer's name, which is the node's
        reason = error.__cause__ if isinstance(error.__cause__, OperatorError) else error
        raise OnnxError(f"node {named} ({proto.op_type}): {reason}{_batch_hint(error, scope)}") from error
    except (
        ArithmeticError,
        LookupError,
        TypeError,
        ValueError,
        MemoryError,
    ) as error:  # a reader met what ONNX does not allow
        raise OnnxError(
            f"node {named} ({proto.op_type}): its inputs and attributes are not what ONNX defines ({error})"
        ) from error
    for i, name in enumerate(proto.output):
        if i < len(made):
            value = made[i]
            if isinstance(value, Tensor):
                scope.tensors[name] = value
            else:
                scope.codes[name] = value
        else:
            scope.not_made[name] = f"output {i} of a {proto.op_type}"


def _batch_hint(error: Exception, scope: Scope) -> str:
    """What to try when shapes do not fit in a model with a dynamic batch: some models hold one batch size in
    their constants.
    """
    dynamic = [p for p in scope.graph.inputs if p.output.shape[:1] == (-1,)]
    if not isinstance(error, GraphError) or not dynamic:
        return ""
    shape = ",".join(str(d) for d in (1, *dynamic[0].output.shape[1:]))
    return (
        f". If the model is made for one batch size, give it, as in --input-shape {dynamic[0].name}={shape}"
    )
