"""Write operators that OpenVINO lacks as a few operators that it has and that compute the same floats.

    @substitute(LeakyReLU)
    def leaky_relu(op: LeakyReLU, add: Steps, x: Tensor) -> Tensor:
        return add(PReLU(), x, np.array([op.alpha], x.dtype))

The last step takes the place and the name of the layer. All of it is plain editing of a graph, which the
interpreter can run.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from ...dtypes import F32, I64, U8
from ...errors import GraphError, UnstorableError
from ...graph import Graph, Node, Tensor
from ...ops.add import Add
from ...ops.arg_max import ArgMax
from ...ops.avg_pool import AvgPool
from ...ops.clamp import Clamp
from ...ops.common.axes import normalize_axis
from ...ops.common.operator import Operator, OperatorError
from ...ops.constant import Constant
from ...ops.convert import Convert
from ...ops.dequantize import Dequantize
from ...ops.flatten import Flatten
from ...ops.gather import Gather
from ...ops.gather_elements import GatherElements
from ...ops.leaky_relu import LeakyReLU
from ...ops.multiply import Multiply
from ...ops.pad import Pad
from ...ops.prelu import PReLU
from ...ops.quantize import Quantize
from ...ops.reshape import Reshape
from ...ops.round import Round
from ...ops.slice import Slice
from ...ops.squeeze import Squeeze
from ...ops.strided_slice import StridedSlice
from ...ops.subtract import Subtract
from ...ops.top_k import TopK
from .group_weights import split_group_axis
from .operator_table import WRITTEN
from .operators.windows import pads_that_are_seen

BEFORE_ALL = np.iinfo(np.int64).min  # where a slice that runs backwards ends, the first element included


class Steps:
    """Adds the layers that take the place of `node`; arrays among the inputs become Constants."""

    def __init__(self, graph: Graph, node: Node) -> None:
        self.graph = graph
        self.node = node
        self.made: list[Node] = []

    def __call__(self, op: Operator, *inputs: Tensor | np.ndarray, output: int = 0) -> Tensor:
        tensors = [x if isinstance(x, Tensor) else self(Constant(value=x)) for x in inputs]
        self.made.append(
            self.graph.add(op, tensors, self.graph.unique_name(f"{self.node.name}/{op.type.lower()}"))
        )
        return self.made[-1].outputs[output]


Substitute = Callable[..., Tensor]
SUBSTITUTES: dict[type[Operator], Substitute] = {}


def substitute(cls: type[Operator]) -> Callable[[Substitute], Substitute]:
    """Register what stands for a class of operators."""

    def register(function: Substitute) -> Substitute:
        SUBSTITUTES[cls] = function
        return function

    return register


def for_openvino(graph: Graph, path: Path) -> Graph:
    """A copy of the graph, for writing only, that has nothing but what OpenVINO has; the weights of grouped
    convolutions have their axis of groups. Raises UnstorableError for a layer that has no substitute; `path`
    is for messages.
    """
    graph = graph.copy()
    order: list[Node] = []
    for node in list(graph):
        try:
            order += _substitute(graph, node)
        except (GraphError, OperatorError) as error:
            raise UnstorableError(
                f"layer {node.name!r} ({node.type}) cannot be stored: {error}", path
            ) from error
    graph.nodes = {node.name: node for node in order}
    return graph


def _substitute(graph: Graph, node: Node) -> list[Node]:
    """The layers that are written for one."""
    if type(node.op) in SUBSTITUTES:
        steps = Steps(graph, node)
        made = SUBSTITUTES[type(node.op)](node.op, steps, *node.inputs)
        graph.redirect(node.output, made)
        graph.remove(node)
        graph.rename(made.producer, node.name)
        return steps.made
    if node.type not in WRITTEN:
        raise OperatorError(
            "OpenVINO has no such operator. Save the model as it was before its layers were lowered to "
            "integers"
        )
    if isinstance(node.op, TopK) and node.op.sort == "none":
        graph.replace_op(node, replace(node.op, sort="value"))  # which is stable in OpenVINO, too
    return [*split_group_axis(graph, node), node]


# ---- one for each operator ---------------------------------------------------------------------------------


@substitute(LeakyReLU)
def leaky_relu(op: LeakyReLU, add: Steps, x: Tensor) -> Tensor:
    """One slope; a vector of slopes would need channels."""
    return add(PReLU(), x, np.full((1,) * min(len(x.shape), 1), op.alpha, x.dtype))


@substitute(StridedSlice)
def strided_slice(op: StridedSlice, add: Steps, x: Tensor, begin: Tensor, *others: Tensor) -> Tensor:
    """In OpenVINO all masks have one length; here they may be shorter than `begin`, or longer, which means
    nothing.
    """
    length = begin.shape[0]
    masks = {name: (*mask, *(0,) * length)[:length] for name, mask in vars(op).items()}
    return add(StridedSlice(**masks), x, begin, *others)


@substitute(GatherElements)
def gather_elements(op: GatherElements, add: Steps, x: Tensor, indices: Tensor) -> Tensor:
    """In OpenVINO data and indices must have the same size along all axes but one, so the rest is cut off."""
    axis = normalize_axis(op.axis, len(x.shape))
    sizes = zip(indices.shape, x.shape, strict=True)
    fewer = {k: n for k, (n, d) in enumerate(sizes) if k != axis and n != d}
    if -1 in fewer.values() or any(x.shape[k] == -1 for k in fewer):
        raise OperatorError("indices and data must have the same batch")
    for k, size in fewer.items():  # by Gather: OpenVINO takes a Slice away here, as if it did nothing
        x = add(Gather(), x, np.arange(size), np.array(k))
    return add(op, x, indices)


@substitute(AvgPool)
def avg_pool(op: AvgPool, add: Steps, x: Tensor) -> Tensor:
    """Where OpenVINO would count what rounding up adds past the padding, the padding is made part of the
    image.
    """
    if op.exclude_pad or op.rounding_type == "floor" or not any(op.pads_begin + op.pads_end):
        return add(op, x)
    end = tuple(
        min(pad, seen) for pad, seen in zip(op.pads_end, pads_that_are_seen(op, x.shape[2:]), strict=True)
    )
    none = (0,) * len(end)
    padded = add(Pad(), x, np.array([0, 0, *op.pads_begin]), np.array([0, 0, *end]))
    # else OpenVINO undoes the Pad
    return add(replace(op, pads_begin=none, pads_end=none, rounding_type="ceil_torch"), padded)


@substitute(Flatten)
def flatten(op: Flatten, add: Steps, x: Tensor) -> Tensor:
    """The pattern leaves out what the batch decides: the rows if they have it, else the columns."""
    axis = normalize_axis(op.axis, len(x.shape)) if op.axis != len(x.shape) else op.axis
    rows, columns = (-1 if -1 in dims else math.prod(dims) for dims in (x.shape[:axis], x.shape[axis:]))
    return add(Reshape(), x, np.array([rows, columns]))


@substitute(Quantize)
def quantize(op: Quantize, add: Steps, x: Tensor, multiplier: Tensor, shift: Tensor) -> Tensor:
    scaled = add(Add(), add(Multiply(), x, multiplier), shift)
    return add(Convert(destination_type=U8), add(Clamp(min=0, max=op.levels - 1), add(Round(), scaled)))


@substitute(Dequantize)
def dequantize(
    op: Dequantize, add: Steps, x: Tensor, scale: Tensor, zero_point: Tensor | None = None
) -> Tensor:
    real = add(Convert(destination_type=F32), x)
    if zero_point is not None:
        real = add(Subtract(), real, add(Convert(destination_type=F32), zero_point))
    return add(Multiply(), real, scale)


@substitute(ArgMax)
def arg_max(op: ArgMax, add: Steps, x: Tensor) -> Tensor:
    """The first of the largest is what TopK finds; the last one is the first of the tensor turned around."""
    axis = np.array([op.axis])
    if op.select_last_index:
        last, size = np.array([-1]), x.shape[op.axis]
        if size == -1:
            raise OperatorError("with select_last_index, the axis must not be the batch")
        x = add(Slice(), x, last, np.array([BEFORE_ALL]), last, axis)
    top = TopK(axis=op.axis, mode="max", sort="value", index_element_type=I64)
    index = add(top, x, np.array(1), output=1)
    if op.select_last_index:
        index = add(Subtract(), np.array(size - 1), index)
    return index if op.keep_dims else add(Squeeze(), index, axis)
