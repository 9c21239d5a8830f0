"""If, where the condition is known before the model runs: the branch that is taken, in the place
of the node.
"""

from dataclasses import replace

import numpy as np
from onnx import GraphProto

from ....graph import Tensor
from ..errors import OnnxError
from ..node_reader import read_node
from ..onnx_node import OnnxNode, reads
from ..tensors import initializers


@reads("If")
def read_if(node: OnnxNode) -> list[Tensor]:
    """A branch sees all names of the graph around it; those that it makes end with it, and another branch may
    use them again.
    """
    branches = {
        taken: node.attribute(name) for taken, name in ((True, "then_branch"), (False, "else_branch"))
    }
    condition = node.array(0)
    if condition is None:
        raise OnnxError(
            "the condition must be a constant, or computed from shapes; branches chosen while the model "
            "runs are not supported"
        )
    branch = branches[bool(np.all(condition))]
    if not isinstance(branch, GraphProto):
        raise OnnxError("then_branch and else_branch must both be there")
    outer = node.scope
    outer.node_names.update(n.name for n in branch.node)
    scope = replace(
        outer,
        arrays=outer.arrays | initializers(branch, outer.files),
        tensors=dict(outer.tensors),
        codes=dict(outer.codes),
        not_made=dict(outer.not_made),
    )
    for inner in branch.node:
        read_node(inner, scope)
    return [scope.tensor(output.name) for output in branch.output]
