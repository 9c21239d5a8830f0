"""Where a graph begins and ends: inputs, constants, outputs."""

import re
from dataclasses import dataclass, replace

import numpy as np

from ....dtypes import DType
from ....errors import AttributeValueError, SpanError
from ....graph import Tensor
from ....ops.common.operator import INTEGER, OperatorError, Shape
from ....ops.constant import Constant
from ....ops.parameter import Parameter
from ....ops.result import Result
from ...xml.weights import Span, span_problem, view_span
from ..node import OpenVinoNode, reads

RANK_UNKNOWN = "..."
OPEN = re.compile(r"-1|\?|[0-9]*\.\.[0-9]*")  # a dimension of any size, or of a range of sizes


@dataclass(frozen=True, kw_only=True)
class ParameterAttributes:
    element_type: DType
    shape: str


@reads("Parameter")
def parameter(node: OpenVinoNode) -> Tensor:
    attributes = node.read(ParameterAttributes)
    shape = _shape(node, attributes.shape)
    return node.add(Parameter(element_type=attributes.element_type, shape=shape))


def _shape(node: OpenVinoNode, declared: str) -> Shape:
    """What the caller says if he does, else what the file says."""
    dims = [_dimension(node, d) for d in declared.split(",")] if declared not in ("", RANK_UNKNOWN) else []
    given = node.scope.input_shapes.get(node.name)
    if given is not None:
        if declared != RANK_UNKNOWN and len(given) != len(dims):
            raise OperatorError(
                f"the given shape {list(given)} must have {len(dims)} dimensions, as the file's, [{declared}]"
            )
        return given
    if declared == RANK_UNKNOWN or -1 in dims[1:]:
        example = f"--input-shape {node.name}=1,3,224,224"
        raise OperatorError(
            f"its shape must be fixed, all but the batch; found [{declared}]. Give one, as in {example}"
        )
    return tuple(dims)


def _dimension(node: OpenVinoNode, text: str) -> int:
    """-1 where the dimension is open."""
    if OPEN.fullmatch(text):
        return -1
    if not INTEGER.fullmatch(text):
        raise node.layer.error(
            AttributeValueError,
            f"a dimension must be an integer, '?' or a range such as 1..8, found {text!r}",
        )
    return int(text)


@reads("Const")
def constant(node: OpenVinoNode) -> Tensor:
    """A view of the .bin; copied where OpenVINO put it at an address that its type may not have."""
    span = node.read(Span)
    if 0 in span.shape and span.size == 1:  # OpenVINO keeps a byte for a tensor without elements
        span = replace(span, size=0)
    if problem := span_problem(span, node.scope.data):
        raise node.layer.error(SpanError, problem)
    return node.add(Constant(value=np.require(view_span(span, node.scope.data), requirements="A")))


@reads("Result")
def result(node: OpenVinoNode) -> Tensor:
    return node.add(Result(), *node.inputs)
