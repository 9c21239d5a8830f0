"""If, where the condition is known before the model runs: the branch that is taken, in the place of the node."""

import numpy as np
from onnx import GraphProto

from ..graph import Tensor
from .errors import OnnxError
from .node import OnnxNode, reads
from .read_node import read_node
from .tensors import initializers


@reads("If")
def read_if(node: OnnxNode) -> list[Tensor]:
    """A branch sees all names of the graph around it, and ONNX gives none of them a second meaning."""
    branches = {taken: node.attribute(name) for taken, name in ((True, "then_branch"), (False, "else_branch"))}
    condition = node.array(0)
    if condition is None:
        raise OnnxError("the condition must be a constant, or computed from shapes; branches chosen while the model runs are not supported")
    branch = branches[bool(np.all(condition))]
    if not isinstance(branch, GraphProto):
        raise OnnxError("then_branch and else_branch must both be there")
    scope = node.scope
    scope.arrays.update(initializers(branch, scope.folder))
    scope.node_names.update(n.name for n in branch.node)
    for inner in branch.node:
        read_node(inner, scope)
    return [scope.tensor(output.name) for output in branch.output]
